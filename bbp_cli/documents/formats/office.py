"""Word (DOCX), PowerPoint (PPTX), OpenDocument (ODT, ODP) and EPUB files → text.

Paragraphs are separated by blank lines, items begin with `- `, cells are separated by tabs. Deleted text,
comments, running heads and fields' instructions are left out; footnotes stand at the end, a slide's notes
behind it.
"""

import posixpath
import re
from urllib.parse import unquote

from bbp_cli.documents.formats.html import text_of_page
from bbp_cli.documents.formats.packages import Package, parse_xml
from bbp_cli.errors import InputError

_ZIP = b"PK\x03\x04"
_OFFICE_NAMES = (".docx", ".docm", ".dotx", ".pptx", ".pptm", ".ppsx", ".odt", ".ott", ".odp", ".epub")
_MIMETYPE = re.compile(
    rb"PK\x03\x04.{26}mimetypeapplication/(?:epub\+zip|vnd\.oasis\.opendocument\.(?:text|presentation))",
    re.DOTALL,
)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_MATH = {"sup": "^", "sub": "_", "den": "/", "rad": "√"}  # of Office's formulas, before what they hold
_BLANK_LINES = re.compile(r"\n{3,}")
_MAX_REPEATED_SPACES = 1000


def is_zip(data: bytes) -> bool:
    """Return whether bytes are a ZIP file, which may be a document."""
    return data.startswith(_ZIP)


def may_be_office(head: bytes, name: str) -> bool:
    """Return whether a ZIP file in a folder is a document, by its first bytes or its name."""
    return is_zip(head) and (name.lower().endswith(_OFFICE_NAMES) or _MIMETYPE.match(head) is not None)


def read_package(data: bytes) -> tuple[str, str, tuple[str, ...]]:
    """Return the text of an office file or e-book, its media type, and warnings.

    Raises:
        InputError: it is another ZIP file, damaged, locked, or unpacks to more than the limits.
    """
    package = Package(data)
    if "word/document.xml" in package:
        return _docx(package), DOCX, ()
    if "ppt/presentation.xml" in package:
        return _pptx(package), PPTX, ()
    if "META-INF/container.xml" in package:
        return _epub(package), "application/epub+zip", ()
    if "content.xml" in package:
        return _open_document(package)
    if "xl/workbook.xml" in package or "xl/workbook.bin" in package:
        raise InputError(
            "an Excel workbook, not prose", hint="save the sheet as CSV or plain text", code="binary"
        )
    raise InputError("a ZIP file, which bbp does not read", hint="unpack it first", code="binary")


class _Paragraphs:
    """Collects the text of paragraphs: `text` adds to the one that is open, `close` ends it."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._open: list[str] = []
        self.prefix = ""

    def text(self, text: str) -> None:
        self._open.append(text)

    def close(self, separator: str = "\n\n") -> None:
        text = "".join(self._open).strip(" \t\n")
        self._open.clear()
        if text:
            self._done.append(f"{self.prefix}{text}{separator}")
        self.prefix = ""

    def whole(self) -> str:
        self.close()
        return _BLANK_LINES.sub("\n\n", "".join(self._done)).strip("\n") + "\n"


def _docx(package: Package) -> str:
    texts = [_word_text(package.read("word/document.xml"))]
    texts += [
        _word_text(package.read(name))
        for name in ("word/footnotes.xml", "word/endnotes.xml")
        if name in package
    ]
    return "\n\n".join(text.strip("\n") for text in texts if text.strip()) + "\n"


_PAGE_FIELD = re.compile(r"\s*(?:PAGE|NUMPAGES|SECTIONPAGES)\b")


def _word_text(data: bytes) -> str:  # noqa: C901, PLR0915 - one branch a tag
    """Return the text of a part of a Word file."""
    found = _Paragraphs()
    skipped = 0  # levels of what is deleted, moved away or a second version
    in_text = False
    in_run = hidden = False
    cells: list[int] = []  # of the rows that are open

    def start(name: str, attributes: dict[str, str]) -> None:  # noqa: C901 - one branch a tag
        nonlocal skipped, in_text, in_run, hidden
        is_page_number = name == "fldSimple" and _PAGE_FIELD.match(attributes.get("instr", "")) is not None
        if (
            skipped
            or is_page_number
            or name in ("del", "moveFrom", "Fallback", "instrText", "delText", "annotationRef")
        ):
            skipped += 1
        elif name == "t":
            in_text = True
        elif name == "r":
            in_run = True
        elif name == "vanish" and in_run:  # elsewhere it hides the mark of the paragraph alone
            hidden = attributes.get("val", "1") not in ("0", "false", "off")
        elif name in ("tab", "ptab"):
            found.text("\t")
        elif name in ("br", "cr"):
            found.text("\n")
        elif name in ("noBreakHyphen", "softHyphen"):
            found.text("-" if name == "noBreakHyphen" else "")
        elif name == "numPr":
            found.prefix = "- "
        elif name == "tr":
            cells.append(0)
        elif name == "tc" and cells:
            found.text("\t" if cells[-1] else "")
            cells[-1] += 1
        elif name == "vertAlign" and attributes.get("val") == "superscript":
            found.text("\x02")
        elif name in _MATH:
            found.text(_MATH[name])

    def end(name: str) -> None:
        nonlocal skipped, in_text, in_run, hidden
        if skipped:
            skipped -= 1
        elif name == "t":
            in_text = False
        elif name == "r":
            in_run = hidden = False
        elif name == "p":
            found.text(" ") if cells else found.close()
        elif name == "tr" and cells:
            cells.pop()
            if not cells:
                found.close("\n")

    def text(data: str) -> None:
        if in_text and not skipped and not hidden:
            found.text(data)

    parse_xml(data, start, end, text)
    return _raised(found.whole())


def _raised(text: str) -> str:
    """Put `^` before digits that are set higher behind a digit or a unit (`10^3`), drop other marks."""
    text = re.sub(
        r"(?<=[\d)])\x02(?=[-\u2212+]?\w)|(?<=\b[a-zA-Z])\x02(?=[-\u2212]?\d)"
        r"|(?<=\b[a-zA-Z]{2})\x02(?=[-\u2212]?\d)",
        "^",
        text,
    )
    text = re.sub(r"(?<=\d)\^(?=(?:st|nd|rd|th)\b)", "", text)
    return re.sub(r"(?<=[^\W\d_]{3})\x02\d{1,3}\b|(?<=[.,;!?])\x02\d{1,3}\b", "", text).replace("\x02", "")


def _relations(package: Package, part: str) -> dict[str, tuple[str, str]]:
    """Return what a part refers to: id → (kind, name of the member)."""
    folder, _, name = part.rpartition("/")
    relations = f"{folder}/_rels/{name}.rels"
    found: dict[str, tuple[str, str]] = {}
    if relations in package:

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "Relationship" and attributes.get("TargetMode") != "External":
                target = attributes.get("Target", "")
                member = (
                    target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"{folder}/{target}")
                )
                found[attributes.get("Id", "")] = (attributes.get("Type", "").rpartition("/")[2], member)

        parse_xml(package.read(relations), start, lambda name: None, lambda text: None)
    return found


def _pptx(package: Package) -> str:
    presentation = "ppt/presentation.xml"
    relations = _relations(package, presentation)
    slides: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "sldId":
            slides.extend(
                relations[value][1]
                for value in attributes.values()
                if value in relations and relations[value][0] == "slide"
            )

    parse_xml(package.read(presentation), start, lambda name: None, lambda text: None)
    texts: list[str] = []
    for slide in dict.fromkeys(slides):
        if slide not in package:
            continue
        texts.append(_drawing_text(package.read(slide)))
        for kind, member in _relations(package, slide).values():
            if kind == "notesSlide" and member in package:
                texts.append(_drawing_text(package.read(member)))
    return "\n\n".join(text.strip("\n") for text in texts if text.strip()) + "\n"


def _drawing_text(data: bytes) -> str:  # noqa: C901 - one branch a tag
    """Return the text of a slide or its notes, without the numbers, dates and feet of slides."""
    found = _Paragraphs()
    in_text = in_field = in_furniture = False
    in_row = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal in_text, in_field, in_furniture, in_row
        if name == "t":
            in_text = not in_field and not in_furniture
        elif name == "fld":
            in_field = True
        elif name == "ph":
            in_furniture = attributes.get("type") in ("sldNum", "dt", "ftr", "hdr")
        elif name == "br":
            found.text(" ")
        elif name == "tr":
            in_row += 1
        elif name == "tc":
            found.text("\t")

    def end(name: str) -> None:
        nonlocal in_text, in_field, in_furniture, in_row
        if name == "t":
            in_text = False
        elif name == "fld":
            in_field = False
        elif name == "sp":
            in_furniture = False
            found.close()
        elif name == "p":
            found.text(" ") if in_row else found.close()
        elif name == "tr":
            in_row -= 1
            found.close("\n")

    def text(data: str) -> None:
        if in_text:
            found.text(data)

    parse_xml(data, start, end, text)
    return found.whole()


def _open_document(package: Package) -> tuple[str, str, tuple[str, ...]]:
    kind = package.read("mimetype").decode("ascii", "replace").strip() if "mimetype" in package else ""
    if "spreadsheet" in kind:
        raise InputError(
            "a spreadsheet, not prose", hint="save the sheet as CSV or plain text", code="binary"
        )
    if "META-INF/manifest.xml" in package and b"encryption-data" in package.read("META-INF/manifest.xml"):
        raise InputError("the file asks for a password", hint="save it without a password", code="encrypted")
    return (
        open_document_text(package.read("content.xml")),
        kind or "application/vnd.oasis.opendocument.text",
        (),
    )


def open_document_text(data: bytes) -> str:  # noqa: C901 - one branch a tag
    """Return the text of an OpenDocument `content.xml`, footnotes at the end."""
    found, notes = _Paragraphs(), _Paragraphs()
    target = found
    skipped = depth = in_row = 0  # depth: of paragraphs and headings

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal skipped, depth, in_row, target
        if skipped or name in (
            "annotation",
            "tracked-changes",
            "note-citation",
            "ruby-text",
            "table-of-content",
            "forms",
            "scripts",
            "font-face-decls",
            "automatic-styles",
        ):
            skipped += 1
        elif name in ("p", "h"):
            depth += 1
        elif name == "note-body":
            target = notes
        elif name == "list-item":
            target.prefix = "- "
        elif name == "s":
            count = attributes.get("c", "1")
            target.text(" " * min(int(count) if count.isdigit() else 1, _MAX_REPEATED_SPACES))
        elif name == "tab":
            target.text("\t")
        elif name == "line-break":
            target.text("\n")
        elif name == "table-row":
            in_row += 1
        elif name in ("table-cell", "covered-table-cell"):
            target.text("\t")

    def end(name: str) -> None:
        nonlocal skipped, depth, in_row, target
        if skipped:
            skipped -= 1
        elif name in ("p", "h"):
            depth -= 1
            target.text(" ") if in_row else target.close()
        elif name == "note-body":
            target.close()
            target = found
        elif name == "table-row":
            in_row -= 1
            target.close("\n")

    def text(data: str) -> None:
        if depth and not skipped:
            target.text(data.replace("\n", " "))

    parse_xml(data, start, end, text)
    texts = (found.whole(), notes.whole())
    return "\n\n".join(text.strip("\n") for text in texts if text.strip()) + "\n"


def _epub(package: Package) -> str:
    if "META-INF/rights.xml" in package or (
        "META-INF/encryption.xml" in package
        and b"xmlenc" in package.read("META-INF/encryption.xml")
        and b"idpf.org/2008/embedding" not in package.read("META-INF/encryption.xml")
    ):
        raise InputError("the e-book is locked (DRM)", code="encrypted")
    roots: list[str] = []
    parse_xml(
        package.read("META-INF/container.xml"),
        lambda name, attributes: (
            roots.append(attributes.get("full-path", "")) if name == "rootfile" else None
        ),
        lambda name: None,
        lambda text: None,
    )
    if not roots or roots[0] not in package:
        raise InputError("damaged file: the e-book has no table of its parts", code="corrupt")
    folder = posixpath.dirname(roots[0])
    manifest: dict[str, tuple[str, str]] = {}
    spine: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "item":
            manifest[attributes.get("id", "")] = (
                unquote(attributes.get("href", "")),
                attributes.get("properties", ""),
            )
        elif name == "itemref" and attributes.get("linear") != "no":
            spine.append(attributes.get("idref", ""))

    parse_xml(package.read(roots[0]), start, lambda name: None, lambda text: None)
    texts: list[str] = []
    for part in dict.fromkeys(spine):
        href, properties = manifest.get(part, ("", ""))
        member = posixpath.normpath(posixpath.join(folder, href.partition("#")[0]))
        if member in package and "nav" not in properties.split():
            texts.append(text_of_page(package.read(member).decode("utf-8", "replace")))
    return "\n\n".join(text.strip("\n") for text in texts if text.strip()) + "\n"
