# ruff: noqa: E501 - inputs are kept on one line
"""No input of any format takes more than linear time: four times the text takes at most some six times as long.

The ratio of two sizes is compared, not a clock, and of quadratic code it would be sixteen.
"""

from collections.abc import Callable
from contextlib import suppress
from html import escape
from time import process_time

import pytest

from bbp_cli.documents.code_pages import guess_encoding
from bbp_cli.documents.encodings import decode
from bbp_cli.documents.formats.captions import is_captions, is_timed, text_of_captions, text_of_timed
from bbp_cli.documents.formats.chat import is_chat, text_of_chat
from bbp_cli.documents.formats.html import is_html, text_of_page
from bbp_cli.documents.formats.latex import is_latex, text_of_latex
from bbp_cli.documents.formats.mail import text_of_mail
from bbp_cli.documents.formats.mail_headers import is_mail
from bbp_cli.documents.formats.markdown import is_markdown, text_of_markdown
from bbp_cli.documents.formats.restructured_text import is_restructured_text, text_of_restructured_text
from bbp_cli.documents.formats.rtf import text_of_rtf
from bbp_cli.documents.not_prose import reads_like, text_of
from bbp_cli.errors import InputError

CHARACTERS = 5_000  # of the smaller text
RATIO = 10.0  # for four times the text
TOO_SHORT_S = 0.05  # to say anything
GENERAL = (
    " ",
    "\n",
    "\n ",
    "a",
    "a ",
    "@",
    "<",
    "[",
    "(",
    "*",
    "_",
    "`",
    "-",
    ":",
    "\\",
    "&",
    '"',
    "'",
    "{",
    "1:",
    "0:00 ",
    "A: b\n",
)
LINES = 15  # of different lengths
LINE_BEGINNINGS = ("", "[10:02]", "10:02 from Jo to", "10:02 from Jo to A", "Jo (10:02)", "Monday,", ":a:")
UNITS = {
    "html": ("<p <p ", "<p '", '<p "', "<!--", "<![CDATA[", "</p>", "<div>", "<b><i></b>", "<title>", "<script>", "<li>", "<sup>", "<td>", "<svg></math>", "&#", "<a href=x>x</a>"),
    "mail": ("From: a\n", "From: a\nSent: b\n", "> ", ">From ", "=?a?q?", "On 1 wrote:\n", "a;", "--b\n", "not the intended ", "_____\n"),
    "markdown": ("*a ", "_a", "`a", "$a ", "**a*", "![a", "[a](", "\\*", "~~a", "---\n", "<sup>", "[^a", "[a]: b\n", "|-", "<a ", "<!-- "),
    "latex": ("$a ", "{", "\\a{", "\\begin{figure}", "\\(", "\\[a", "\\cite[", "\\item[", "%\n", '\\"{', "\\title{", "\\footnote{", "\\verb|", "\\frac{", "(see ", "~"),
    "rst": ("`a <b", ".. a\n", ".. x::\n", "=====\n", "|a", "a_", ":a:`", "[1]", "  .. x::\n", "::\n"),
    "captions": ("00:00:01,000 --> 00:00:02,000\n", "<v a", "{\\a", "[a", "00:0", "Dialogue: ", "NOTE a\n"),
    "chat": ("[12.03.24, 09:15] A: b\n", "A  9:15 AM\n", "09:15 <a> b\n", "[1/1/1", "A (0:0", "<a", "1/1/2024, "),
    "data": ("a,b\n", '"a,', "a: b\n", "2024-01-01 10:00 a\n", "@@ -1 +1 @@\n", "<a:b>", '{"a":', "[[", "x = 1\n", "a;", "a\tb\n", "ERROR: "),
}  # fmt: skip
READERS: dict[str, Callable[[str], object]] = {
    "html": lambda text: (
        is_html(text),
        is_html("<div>" + text),
        text_of_page(text),
        text_of_page(text, mail=True),
    ),
    "mail": lambda text: text_of_mail(b"From: a@x\nSubject: b\n\nWords.\n" + text.encode()),
    "markdown": lambda text: (is_markdown(text), text_of_markdown(text)),
    "latex": lambda text: (is_latex(text), text_of_latex(text)),
    "rst": lambda text: (is_restructured_text(text), text_of_restructured_text(text)),
    "captions": lambda text: (
        is_captions(text),
        text_of_captions(text),
        is_timed(text),
        text_of_timed(text),
    ),
    "chat": lambda text: (is_chat(text), text_of_chat(text)),
    "data": lambda text: read_data(text),
}


def read_data(text: str) -> None:
    """Read a text as every kind of data; one without fields of text is refused, in linear time too."""
    reads_like(text)
    for kind in ("JSON", "CSV", "XML", "a log"):
        with suppress(InputError):
            text_of(text, kind)
    text_of(f"<rss>{text}", "XML")
    text_of(f"<rss><title>{escape(text)}", "XML")


def check_linear(read: Callable[[str], object], unit: str, shorter: int = CHARACTERS) -> None:
    def seconds(characters: int) -> float:
        text = unit * (characters // len(unit))
        took = []
        for _ in range(2):
            start = process_time()
            read(text)
            took.append(process_time() - start)
        return min(took)

    longer = seconds(4 * shorter)
    assert longer < TOO_SHORT_S or longer < RATIO * max(seconds(shorter), TOO_SHORT_S / RATIO)


@pytest.mark.parametrize("width", [31, 95])
@pytest.mark.parametrize(
    ("before", "unit"),
    [(before, unit) for before in LINE_BEGINNINGS for unit in (" ", "- ")]
    + [("", unit) for unit in ("A", "ACGT", "Aa", "A ", "1:00 ", "\u2014 ", "*")],
)
def test_long_lines_of_a_chat_take_linear_time(before: str, unit: str, width: int) -> None:
    def read(text: str) -> None:
        length = len(text) // LINES  # what follows is cut off at 400
        READERS["chat"](((before + unit * length)[:length] + "\x01\n") * LINES)

    check_linear(read, "x", LINES * width)


@pytest.mark.parametrize("unit", [" ", "\n", " \n\t", "<!-- a -->\n", "<?a b?>"])
def test_what_is_before_a_page_takes_linear_time(unit: str) -> None:
    check_linear(is_html, unit, 100_000)


@pytest.mark.parametrize(
    ("kind", "unit"), [(kind, unit) for kind, units in UNITS.items() for unit in (*units, *GENERAL)]
)
def test_a_repeated_piece_takes_linear_time(kind: str, unit: str) -> None:
    check_linear(READERS[kind], unit)


@pytest.mark.parametrize(
    "unit", ["Subject: b\n", "X-A: b\n c\n", "a;" * 50, 'Content-Type: a/b; c="', "\n", " ", "A:"]
)
def test_headers_of_mails_take_linear_time(unit: str) -> None:
    def read(text: str) -> None:
        head = f"From: a@x\nSubject: b\nContent-Type: text/plain; a={text}\n\nWords stand here.\n"
        is_mail(text.encode())
        text_of_mail(head.encode())

    check_linear(read, unit)


@pytest.mark.parametrize(
    "unit", ["{", "}", "\\a", "{\\*\\b ", "\\u-1?", "\\'e9", "\\bin9 ", "{\\super 1}", "\\f1", " ", "a"]
)
def test_rtf_takes_linear_time(unit: str) -> None:
    check_linear(lambda text: text_of_rtf(b"{\\rtf1{\\fonttbl " + text.encode() + b"}" + text.encode()), unit)


@pytest.mark.parametrize("unit", ["\x1b[", "\x1b]", "\x1b", "a\x08", "\xe9", "a\xe9 "])
def test_decoding_takes_linear_time(unit: str) -> None:
    check_linear(
        lambda text: (decode(("words " * 3000 + text).encode()), guess_encoding(text.encode("cp1252"))), unit
    )
