"""A file that should be JSON Lines and is something else: what to say of it, once."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath

from bbp_cli.documents.document import is_pdf
from bbp_cli.documents.encodings import decode
from bbp_cli.errors import InputError

HEAD_LINES = 10  # by which a file is judged, blank ones not counted
HEAD_BYTES = 65_536
_FIELDS_NAMED = 10


def not_json_lines(head: bytes, path: str) -> InputError:
    """Return the error of a file whose first lines are no JSON objects, with what it looks like instead."""
    kind, hint = _kind_of(head, PurePath(path).suffix.lower())
    return InputError(f"not JSON Lines, an object on each line: it looks like {kind}", hint=hint, code="row")


def check_fields(found: Sequence[Mapping[str, object]], names: Iterable[str], hint: str) -> None:
    """Refuse a file whose first objects have none of the fields that are read.

    Raises:
        InputError: it names both, those that are read and those that are there.
    """
    names = list(names)
    if found and not any(name in fields for fields in found for name in names):
        wanted = " or ".join(f"`{name}`" for name in names)
        there = list(dict.fromkeys(name for fields in found for name in fields))
        shown = ", ".join(there[:_FIELDS_NAMED]) + (", ..." if len(there) > _FIELDS_NAMED else "")
        message = (
            f"its first lines have no field {wanted}, but {shown}"
            if there
            else "its first lines hold no fields"
        )
        raise InputError(message, hint=hint, code="row")


def _kind_of(head: bytes, suffix: str) -> tuple[str, str | None]:
    if is_pdf(head):
        return "a PDF", "leave --jsonl out"
    try:
        text = decode(head[:HEAD_BYTES]).text
    except InputError as error:
        return error.message.removesuffix(", which bbp does not read"), None
    from bbp_cli.documents.formats.html import is_html
    from bbp_cli.documents.not_prose import reads_like

    begin = text.lstrip()
    if begin.startswith(("{", "[")) and begin[1:].lstrip().startswith(tuple('[{]}"')):  # no "[10:02] anna: …"
        return "JSON that goes over several lines", "jq -c '.[]' FILE puts each element of a list on a line"
    kind = "a web page" if is_html(text) else reads_like(text, suffix)
    if kind == "CSV" or kind == "tab-separated values":
        return kind, "--column NAME reads it"
    return kind or "plain text", "without --jsonl it is one document"
