"""Patterns of `--include` and `--exclude`: what they match, and what one that matches nothing may mean."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath


def matches(inside: str, pattern: str) -> bool:
    """Return whether a pattern matches a file or folder; `inside` is its path below the folder, with `/`.

    A pattern without a slash is compared with the name, one with a slash with the path. `./` before it, `/`
    behind it and `**/` before it, for any or no folder, mean nothing more.
    """
    pattern = pattern.removeprefix("./").rstrip("/")
    anywhere = pattern.removeprefix("**/")
    return _fits(inside, pattern) or (anywhere != pattern and _fits(inside, anywhere))


def _fits(inside: str, pattern: str) -> bool:
    return fnmatchcase(inside if "/" in pattern else inside.rpartition("/")[2], pattern)


def matches_any(pattern: str, found: Iterable[str]) -> bool:
    """Return whether a pattern matches one of several paths."""
    return any(matches(inside, pattern) for inside in found)


def likely_meant(pattern: str, found: Sequence[str], folders: Sequence[str]) -> str | None:
    """Return a hint for a pattern that matches none of the paths found below some folders; None: no idea."""
    if any(mark in pattern for mark in "{},"):
        return "braces and commas mean themselves: give the option once for each pattern"
    if not pattern.strip(" '\"./*?"):  # what could be made of it would take everything
        return None
    meant = next((one for one in _slips(pattern, folders) if matches_any(one, found)), None)
    if meant is not None:
        return f"did you mean {meant!r}?"
    lower = [inside.lower() for inside in found]
    if matches_any(pattern.lower(), lower):
        like = next(
            inside for inside, small in zip(found, lower, strict=True) if matches(small, pattern.lower())
        )
        return f"capitals count: there is {PurePath(like).name!r}"
    return None


def _slips(pattern: str, folders: Sequence[str]) -> Iterator[str]:
    """Yield patterns that one may be a slip of."""
    bare = pattern.strip(" '\"")
    yield bare
    for folder in folders:  # a path from where the command runs, not from the folder
        prefix = PurePath(folder).as_posix().rstrip("/") + "/"
        yield bare.removeprefix(prefix)
        yield bare.removeprefix(prefix.rpartition("/")[0].rpartition("/")[2] + "/")
    yield f"*.{bare}"
    yield f"*{bare}"
    if bare.startswith("*") and not bare.startswith("*."):
        yield f"*.{bare.lstrip('*')}"
    yield f"{bare}/*"
    yield f"{bare}*"
    yield f"*{bare}*"
