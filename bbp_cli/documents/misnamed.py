"""A file that is something else than its name says: what to say of it."""

from pathlib import PurePath

from bbp_cli.documents.formats.office import is_zip
from bbp_cli.errors import InputError

_KINDS = {
    ".pdf": "a PDF",
    ".docx": "a Word file",
    ".pptx": "a PowerPoint file",
    ".odt": "an OpenDocument text",
    ".odp": "an OpenDocument presentation",
    ".epub": "an EPUB book",
}
_CALLED = {
    "text/html": "a web page",
    "message/rfc822": "mail",
    "application/rtf": "RTF",
    "text/plain": "plain text",
    "text/markdown": "Markdown",
}
_AGAIN = "download or copy it again"
_NO_TEXT = "neither that nor UTF-8 text"
_NAME_ENCODING = "if it is text, --encoding NAME reads it"
_TAIL = 1024  # bytes in which the end of a PDF is


def promised_kind(data: bytes, path: str) -> str | None:
    """Return what the name says that a file is which is no PDF; None where it is that, or says nothing."""
    suffix = PurePath(path).suffix.lower()
    return None if suffix != ".pdf" and is_zip(data) else _KINDS.get(suffix)


def misnamed_warning(kind: str, media_type: str, guessed: str | None) -> str:
    """Return the warning of a file that is read as something else; `guessed`: its encoding, if not named.

    Raises:
        InputError: its bytes were taken for text of some code page, as all bytes can be.
    """
    if media_type == "text/plain" and guessed is not None and not guessed.startswith("utf"):
        raise InputError(_NO_TEXT, code="undecodable")
    return f"not {kind}, though its name says so: read as {_CALLED.get(media_type, media_type)}"


def misnamed_error(kind: str, data: bytes, error: InputError) -> InputError:
    """Return the error of a file that is not what its name says, made of why it is nothing else either."""
    if kind == _KINDS[".pdf"] and b"%%EOF" in data[-_TAIL:]:
        return InputError("the beginning of the PDF is missing", hint=_AGAIN, code="corrupt")
    what, hint = error.message, _AGAIN
    if error.code == "undecodable":
        what, hint = _NO_TEXT, f"{_AGAIN}; {_NAME_ENCODING}"
    return InputError(f"not {kind}, though its name says so: {what}", hint=hint, code=error.code)
