"""METADATA and PKG-INFO of Python packages → the description, which is what a person would read of them."""

_BEGINNING = "Metadata-Version: "
_SUFFIXES = {"text/markdown": ".md", "text/x-rst": ".rst"}


def is_package_metadata(text: str) -> bool:
    """Return whether a text is the core metadata of a Python package."""
    return text.startswith(_BEGINNING) and "\nName: " in text[:2000]


def description_of_package(text: str) -> tuple[str, str]:
    """Return the description of a package, its summary where it has none, and the suffix of its format."""
    from email.parser import HeaderParser  # here: 10 ms, which other texts need not wait for

    fields = HeaderParser().parsestr(text)
    body = str(fields.get_payload()).strip("\n") or _unfolded(fields.get("Description", ""))
    kind = fields.get("Description-Content-Type", "").partition(";")[0].strip().lower()
    return (body or fields.get("Summary", "")) + "\n", _SUFFIXES.get(kind, "")


def _unfolded(field: str) -> str:
    """Return a field of several lines without the bar or the spaces that each begins with."""
    lines = [
        line.strip(" ").removeprefix("|") if number else line for number, line in enumerate(field.split("\n"))
    ]
    return "\n".join(lines)
