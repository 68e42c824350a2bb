"""HTML is read as the text that a browser shows, without menus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bbp_cli.documents.document import parse
from bbp_cli.documents.formats.html import is_html, text_of_page
from tests.conftest import SENTENCES, Bbp

PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>Harbour news | Home</title><style>p { color: red }</style>
<body>
<nav><ul><li><a href="/">Home</a><li><a href="/shop">Shop</a></ul></nav>
<h1>The ferry stops</h1>
<p>The night ferry makes its last crossing in
  <b>Novem</b>ber&nbsp;&amp; is sold.</p><script>var a = "<p>never</p>";</script>
<ul><li>First item.</li><li>Second item.</li></ul>
<table><tr><th>port<th>ships</tr><tr><td>Holm<td>402</tr></table>
<pre>one
  two</pre>
Line<br>break
<footer>Imprint</footer></body></html>
"""


def test_a_page_is_read_as_its_text() -> None:
    assert text_of_page(PAGE) == (
        "The ferry stops\n\n"
        "The night ferry makes its last crossing in November\u00a0& is sold.\n\n"
        "- First item.\n- Second item.\n\n"
        "\tport\tships\n\tHolm\t402\n\n"
        "one\n  two\n\n"
        "Line\nbreak\n"
    )


def test_a_page_that_is_all_navigation_is_kept() -> None:
    assert "Everything is in here." in text_of_page("<html><nav><p>Everything is in here.<p>And more.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<!doctype HTML><p>x", True),
        ('\n<?xml version="1.0"?>\n<!-- saved -->\n<html xmlns="a">', True),
        ("<p>A fragment.</p>", True),
        ('\n<!-- mail -->\n<div class="a"><h1>Boats</h1><p>One<br>two.<p>Three.</div>\n', True),
        ("<p>One.</p>\n\n<ul><li>Two.<li>Three.</ul>", True),
        ('<p align="center"><img src="a.png"></p>\n\n# Tidewatch\n\nIt warns.\n\n<p>MIT</p>', False),
        ("<p>Never closed, and then Markdown.", False),
        ("<T>a generic type</T>", False),
        ("<!---->" * 280 + "x", False),
        ("<p> is a tag, </p>ends it, and this is about both: </p>", False),
        ("HTML pages begin with <html> in most cases.", False),
        ("", False),
    ],
)
def test_a_page_is_known_by_its_beginning(text: str, expected: bool) -> None:
    assert is_html(text) is expected


@given(st.text(st.sampled_from(list("<>/!-abp ih\"'=&;?\n")), max_size=80))
def test_no_page_is_too_broken(text: str) -> None:
    assert isinstance(text_of_page("<html>" + text), str)


def test_a_page_with_letters_keeps_them_however_it_is_nested() -> None:
    deep = "<div>" * 5000 + "The harbour is open." + "</div>" * 4000
    assert text_of_page(f"<html><body>{deep}").strip() == "The harbour is open."


def test_the_record_says_what_was_read_and_its_offsets_are_those_of_extract(warm_bbp: Bbp) -> None:
    body = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)
    page = f"<!DOCTYPE html><html><body><nav>Home</nav>{body}</body></html>".encode()
    text = warm_bbp("extract", stdin=page).stdout
    assert text.split("\n\n") == [*SENTENCES[:-1], SENTENCES[-1] + "\n"]
    record = warm_bbp("summarize", "--json", stdin=page).records[0]
    assert record["source"]["media_type"] == "text/html"
    for sentence in record["sentences"]:
        source = sentence["sources"][0]
        assert text[source["start"] : source["end"]] == sentence["text"]


def test_a_page_without_text_is_refused_as_any_empty_text_is() -> None:
    with pytest.raises(Exception, match="no text"):
        parse(b"<html><head><title>x</title></head><body><script>alert(1)</script></body></html>", "a.html")


@pytest.mark.parametrize(
    "names",
    [
        'id="onetrust-banner-sdk"',
        'id="CybotCookiebotDialog"',
        'class="didomi-host"',
        'id="usercentrics-root"',
        'id="qc-cmp2-container"',
        'class="cmplz-cookiebanner"',
        'id="sp_message_container_1"',
        'class="osano-cm-window"',
    ],
)
def test_banners_of_consent_managers_are_left_out(names: str) -> None:
    article = "<p>The harbour was closed for a year while the quay was rebuilt by a firm.</p>" * 3
    banner = (
        f"<div {names}><p>This site stores information on your device. You can accept all of it.</p></div>"
    )
    assert "device" not in text_of_page(f"<html><body>{banner}<main>{article}</main></body></html>")
