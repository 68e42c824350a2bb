"""Reports: one HTML page or Markdown file with the summary, the document and where they meet."""

import html
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from bbp_cli.output.markdown import escaped
from tests.cli.pdfs import make_pdf
from tests.conftest import SENTENCES, STORY, Bbp

HOSTILE = (
    "The keeper typed <script>alert(1)</script> into the log of the light on the ninth of May. "
    "He closed it with </style></title></textarea> and a name, \u202eeman a\u202c, that runs backwards. "
    'The clerk wrote \x07 & "quotes" onmouseover=x, and nobody at the harbour office could read it.'
)
FIRST, SECOND = " ".join(SENTENCES[:24]), " ".join(SENTENCES[24:])
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def report(warm_bbp: Bbp, tmp_path: Path) -> str:
    """The report on a PDF of three pages, the last of them blank."""
    (tmp_path / "in.pdf").write_bytes(make_pdf([FIRST, SECOND, ""]))
    done = warm_bbp("summarize", "--format", "html", "in.pdf", "-o", "report.html")
    assert done.code == 0
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_report_loads_nothing_and_runs_its_own_script_only(report: str) -> None:
    assert not re.search(r"(?:src|href)=[\"']?[^\"'#]|@import|url\(", report.replace("script-src '", ""))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', report)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")


def test_every_sentence_leads_to_its_words(report: str) -> None:
    sentences = dict(re.findall(r'id="sentence-(\d+)" href="#source-\1" [^>]*>([^<]+)</a>', report))
    marks = dict(re.findall(r'<mark id="source-(\d+)"[^>]*>([^<]+)</mark>', report))
    assert len(sentences) > 2
    assert {number: " ".join(text.split()) for number, text in marks.items()} == sentences


def test_pages_are_numbered_and_a_page_without_text_is_said(report: str) -> None:
    assert re.findall(r"<h2>Page (\d)</h2>", report) == ["1", "2", "3"]
    assert "No text was read on this page." in report
    assert '<dt>Not read</dt><dd dir="auto">page 3 (blank)</dd>' in report


def test_the_source_is_whole(report: str) -> None:
    source = report[report.index('<section id="source"') : report.index("<footer")]
    shown = " ".join(html.unescape(re.sub(r"<h2>.*?</h2>|<[^>]+>", " ", source)).split())
    assert shown.replace(" No text was read on this page.", "") == " ".join(STORY.split())


def test_the_same_input_gives_the_same_bytes(warm_bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text(STORY)
    pages = [warm_bbp("summarize", "--format", "html", "in.txt").stdout for _ in range(2)]
    assert pages[0] == pages[1]


def test_hostile_text_stays_text(warm_bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "<b>.txt").write_text(HOSTILE)
    page = warm_bbp("summarize", "--format", "html", "<b>.txt").stdout
    assert page.count("<script") == page.count("</script") == 1
    assert page.count("</style") == page.count("</title") == 1
    assert "<title>Summary of &lt;b&gt;.txt</title>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\x07" not in page
    assert "\u202eeman a\u202c" in page[page.index('<p dir="auto">') :]


def test_an_output_folder_gets_an_index(warm_bbp: Bbp, tmp_path: Path) -> None:
    for name in ("a b.txt", "c.txt"):
        (tmp_path / name).write_text(STORY)
    done = warm_bbp("summarize", "--format", "html", "a b.txt", "c.txt", "--output-dir", "out")
    assert done.code == 0
    index = (tmp_path / "out/index.html").read_text()
    assert re.findall(r'<a href="([^"]+)"', index) == ["a%20b.txt.summary.html", "c.txt.summary.html"]
    assert "<h1>2 summaries</h1>" in index


def test_markdown_quotes_the_document_in_footnotes(warm_bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "in.pdf").write_bytes(make_pdf([FIRST, SECOND]))
    page = warm_bbp("summarize", "--format", "md", "in.pdf").stdout
    assert page.startswith("# in.pdf\n\n")
    notes = re.findall(r"^\[\^(\d+)\]: (p\. \d|pp\. 1-2): “(.+)”$", page, re.MULTILINE)
    assert [number for number, _, _ in notes] == [str(n) for n in range(1, len(notes) + 1)]
    assert all(f"{text.split(' … ')[0]}" in page for _, _, text in notes)
    assert "- Read: all of it: " in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a * b_c `d` [e] <f> #g |h| ~i~ $j$ \\", r"a \* b\_c \`d\` \[e\] \<f\> \#g \|h\| \~i\~ \$j\$ \\"),
        ("1. one", "1\\. one"),
        ("- one - two", "\\- one - two"),
        ("3.5 metres", "3.5 metres"),
    ],
)
def test_words_of_a_document_are_no_markdown(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_json_and_a_report_exclude_each_other(bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text(STORY)
    done = bbp("summarize", "--json", "--format", "md", "in.txt")
    assert (done.code, done.stderr) == (
        2,
        "bbp: error: --json and --format exclude each other (give one of them)\n",
    )


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_a_sentence_shows_its_source_and_back(report: str, tmp_path: Path, scheme: Any) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(color_scheme=scheme, viewport={"width": 1280, "height": 800})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((tmp_path / "report.html").as_uri())
        last = page.locator("#summary li").count()
        page.click(f"#sentence-{last}")
        assert page.locator("mark.chosen").first.get_attribute("data-sentence") == str(last)
        page.wait_for_function(f"document.activeElement.id === 'source-{last}'")
        color = "getComputedStyle(document.querySelector('mark.chosen')).backgroundColor"
        assert page.evaluate(color) == {"light": "rgb(255, 213, 74)", "dark": "rgb(138, 109, 0)"}[scheme]
        page.focus("#source-1")
        page.keyboard.press("Enter")
        page.wait_for_function("document.activeElement.id === 'sentence-1'")
        assert page.locator("#summary a.chosen").count() == 1
        assert len(page.screenshot()) > 10_000
        assert complaints == []
        browser.close()
