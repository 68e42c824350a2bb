"""Every regular expression of the code that reads text takes linear time, on texts that are made from itself.

The expressions are found in the syntax trees of the modules. From each repetition in one a text is made of
what it repeats, behind what has to stand before it, and of both again and again; the module's reader reads
that.
"""

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from re import _parser  # type: ignore[attr-defined]  # the standard library's own parser of expressions
from typing import Any

import pytest
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.sentence_filter import eligible_sentences

from bbp_cli.documents.code_pages import guess_encoding
from bbp_cli.documents.document import is_pdf
from bbp_cli.documents.encodings import decode
from bbp_cli.documents.formats.convert import convert
from bbp_cli.documents.formats.mathml import formula_of
from bbp_cli.documents.formats.rtf import text_of_rtf
from bbp_cli.documents.formats.turns import join_turns
from bbp_cli.errors import InputError
from tests.cli.documents.formats.test_office import paragraph, word
from tests.cli.documents.test_linear_time import READERS, check_linear

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = {
    "bbp_cli.documents": ROOT / "bbp_cli/documents",
    "bbp_cli.documents.formats": ROOT / "bbp_cli/documents/formats",
    "bigbird_pegasus.text": ROOT / "model/bigbird_pegasus/text",
}
AT_RUN_TIME = {r"f'</{tag}\\b'": r"</script\b"}  # made there, with something for what is put into it
MAX_TEXTS = 2  # made from one expression; the rest of them are for the slow test
MIN_UNBOUNDED = 20  # times that something may be repeated
CHARACTERS = "a1 .-,:;<>()[]{}'\"/\\|*_#=&%@!?\n\tA\xe9\u3042\u2014"


def read_prose(text: str) -> None:
    """Parse a text and judge its sentences."""
    parsed = parse_text(f"Good text stands here. {text} x")
    eligible_sentences(parsed, parsed.sentences)
    for sentence in parsed.sentences:
        parsed.on_one_line(sentence)


def read_bytes(text: str) -> None:
    """Decode a text, or refuse it."""
    with suppress(InputError):
        decode(("words " * 3000 + text).encode("utf-8", "surrogatepass"))


def read_file(text: str) -> None:
    """Read a file that begins so, or refuse it."""
    with suppress(InputError):
        convert(text.encode(), "-")


def read_office(text: str) -> None:
    """Read a Word file with this text."""
    convert(word(paragraph(re.sub(r"[<>&\x00-\x08\x0b\x0c\x0e-\x1f]", " ", text))), "a.docx")


MODULES: dict[str, Callable[[str], object]] = {
    "captions": READERS["captions"],
    "chat": READERS["chat"],
    "code_pages": lambda text: guess_encoding(text.encode("cp1252", "replace")),
    "document": lambda text: is_pdf(text.encode()),
    "encodings": read_bytes,
    "convert": read_file,
    "html": READERS["html"],
    "html_boilerplate": READERS["html"],
    "html_tree": READERS["html"],
    "latex": READERS["latex"],
    "mail": READERS["mail"],
    "mail_headers": READERS["mail"],
    "markdown": READERS["markdown"],
    "mathml": lambda text: (formula_of(text), formula_of(f"\\frac{{{text}")),
    "not_prose": READERS["data"],
    "office": read_office,
    "quoted_mail": READERS["mail"],
    "restructured_text": READERS["rst"],
    "rtf": lambda text: text_of_rtf(b"{\\rtf1 " + text.encode() + b"}"),
    "turns": lambda text: join_turns([("A", text, False), ("", text, True)]),
}


def module_names() -> Iterator[str]:
    """Yield the modules that read text; those of PDF run in a process that has a limit of time.

    `folders` reads names of files and the first 4,096 bytes.
    """
    for package, folder in FOLDERS.items():
        for path in sorted(folder.glob("*.py")):
            if path.stem not in ("__init__", "folders", "globs"):
                yield f"{package}.{path.stem}"


def expressions(name: str) -> list[re.Pattern[Any]]:
    """Return what the calls of `re` in a module compile: by name where it is kept, else from the call."""
    module = importlib.import_module(name)
    found = [value for value in vars(module).values() for value in patterns_in(value)]
    known = {pattern.pattern for pattern in found}
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    kept = {
        id(call)
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for call in ast.walk(node)
    }
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        if not (isinstance(call.func.value, ast.Name) and call.func.value.id == "re" and call.args):
            continue
        if call.func.attr == "escape" or id(call) in kept:
            continue
        if isinstance(call.args[0], ast.Name):  # of what is compiled elsewhere in the module
            continue
        source = ast.unparse(call.args[0])
        expression = call.args[0].value if isinstance(call.args[0], ast.Constant) else AT_RUN_TIME[source]
        if expression not in known:
            found.append(re.compile(expression))
    return found


def patterns_in(value: object) -> Iterator[re.Pattern[Any]]:
    """Yield the compiled expressions in a value, a tuple or a dictionary."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from patterns_in(item)
    elif isinstance(value, dict):
        yield from patterns_in(list(value.values()))


def example(tree: Any) -> str:
    """Return a short text that a parsed expression matches, but for what it only looks at."""
    return "".join(example_of(operation, value) for operation, value in tree)


def example_of(operation: Any, value: Any) -> str:
    """Return a short text for one node."""
    match str(operation):
        case "LITERAL":
            return chr(value)
        case "NOT_LITERAL":
            return "a" if value != ord("a") else "b"
        case "ANY":
            return "a"
        case "IN":
            return character_of(value)
        case "BRANCH":
            return example(value[1][0])
        case "SUBPATTERN":
            return example(value[3])
        case "ATOMIC_GROUP":
            return example(value)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return example(value[2]) * int(max(1, min(value[0], 10)))
    return ""


def character_of(members: Any) -> str:
    """Return a character of a class."""
    is_negated = str(members[0][0]) == "NEGATE"
    named: list[int] = [
        value if str(kind) == "LITERAL" else value[0]
        for kind, value in members
        if str(kind) in ("LITERAL", "RANGE")
    ]
    characters: list[str] = [*CHARACTERS, *map(chr, named)]
    for one in characters:
        if is_negated != any(is_member(one, str(kind), value) for kind, value in members):
            return one
    return ""


def is_member(character: str, kind: str, value: Any) -> bool:
    """Return whether a part of a class holds a character."""
    if kind == "NEGATE":
        return False
    if kind == "LITERAL":
        return bool(ord(character) == value)
    if kind == "RANGE":
        return bool(value[0] <= ord(character) <= value[1])
    name = str(value)
    if name.endswith("SPACE"):
        found = character.isspace()
    else:
        found = character.isdigit() if name.endswith("DIGIT") else character.isalnum() or character == "_"
    return found != ("NOT" in name)


def pumps(tree: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield for each repetition without a narrow bound what stands before it, and what it repeats."""
    for operation, value in tree:
        inside: list[Any] = []
        match str(operation):
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                if value[1] >= MIN_UNBOUNDED:
                    yield before, example(value[2])
                inside = [value[2]]
            case "BRANCH":
                inside = value[1]
            case "SUBPATTERN":
                inside = [value[3]]
            case "ATOMIC_GROUP":
                inside = [value]
            case "ASSERT" | "ASSERT_NOT":
                inside = [value[1]]
        for branch in inside:
            yield from pumps(branch, before)
        before += example_of(operation, value)


def texts(pattern: re.Pattern[Any]) -> list[tuple[str, str]]:
    """Return beginnings and what follows again and again, made from an expression."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree = _parser.parse(
        source, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
    )
    found = dict.fromkeys((before, unit) for before, unit in pumps(tree) if unit)
    again = dict.fromkeys(("", before + unit) for before, unit in found if before)
    whole = example(tree)
    return [*found, *again, *([("", whole)] if whole else [])]


CASES = [(name, pattern) for name in module_names() for pattern in dict.fromkeys(expressions(name))]


def check(name: str, pattern: re.Pattern[Any], chosen: slice) -> None:
    read = MODULES[name.rpartition(".")[2]] if name.startswith("bbp_cli") else read_prose
    for before, unit in texts(pattern)[chosen]:
        check_linear(lambda text, before=before: read(before + text), unit)  # type: ignore[misc]


@pytest.mark.parametrize(("name", "pattern"), CASES)
def test_an_expression_takes_linear_time(name: str, pattern: re.Pattern[Any]) -> None:
    check(name, pattern, slice(MAX_TEXTS))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "pattern"), CASES)
def test_an_expression_takes_linear_time_on_all_texts_made_from_it(
    name: str, pattern: re.Pattern[Any]
) -> None:
    check(name, pattern, slice(MAX_TEXTS, None))


def test_texts_are_made_of_what_an_expression_repeats() -> None:
    assert texts(re.compile(r"ab(?:[^x]|y)*c\d{2,}")) == [
        ("ab", "a"), ("abac", "1"), ("", "aba"), ("", "abac1"), ("", "abac11"),
    ]  # fmt: skip
    assert len(CASES) > 150
