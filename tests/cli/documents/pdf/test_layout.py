"""Known text, typeset with typst, is read back: columns, heads, notes, captions, tables, other scripts."""

import time
from collections import Counter

import pytest

from bbp_cli.documents.pdf.characters import Word
from bbp_cli.documents.pdf.hyphens import joint
from bbp_cli.documents.pdf.layout import lay_out
from bbp_cli.documents.pdf.read_pdf import PdfText, read_pdf
from bbp_cli.documents.pdf.text import text_of
from tests.benchmarks.other_scripts import script_paragraphs
from tests.benchmarks.pdf_agreement import agreement, running_text
from tests.benchmarks.pdf_typesetting import LAYOUTS, typeset
from tests.cli.documents.pdf.test_read_pdf import CASES, FIRST, SECOND, THIRD

typst = pytest.importorskip("typst")

STORY = [
    f"{count} {noun} were counted in the harbour that year. {text.rstrip('.')}."
    for count, noun in zip(
        ("Seven", "Eleven", "Twelve", "Thirteen", "Forty", "Fifty", "Sixty", "Ninety"),
        ("barges", "ferries", "tugs", "yawls", "dories", "ketches", "sloops", "cutters"),
        strict=True,
    )
    for text in (FIRST, SECOND, THIRD)
]

A5 = '#set page(paper: "a5")\n'


def compiled(source: str) -> PdfText:
    return read_pdf(typst.compile(source.encode(), format="pdf"))


@pytest.mark.parametrize("layout", LAYOUTS[:-1])
def test_known_text_is_read_back_from_each_layout(layout: str) -> None:
    document = typeset("story", STORY, layout)
    assert agreement(document.plain, running_text(read_pdf(document.pdf))) > 0.995


@pytest.mark.parametrize(("name", "paragraphs"), list(script_paragraphs(4)))
def test_other_writings_are_read_back(name: str, paragraphs: list[str]) -> None:
    document = typeset(name, paragraphs, LAYOUTS[-1])
    read = read_pdf(document.pdf)
    assert read.text.split() == document.plain.split()


def test_paragraphs_are_those_of_the_text() -> None:
    document = typeset("story", STORY, "two columns")
    paragraphs = Counter(" ".join(part.split()) for part in read_pdf(document.pdf).text.split("\n\n"))
    same = sum(paragraphs[paragraph] for paragraph in STORY)
    assert same >= 0.9 * len(STORY)


def test_lines_stretched_to_fill_a_column_are_no_cells() -> None:
    long_words = "consideration internationally misunderstanding straightforwardly " * 3
    head = '#set page(paper: "a5", columns: 2)\n#set text(11pt, hyphenate: false)\n#set par(justify: true)\n'
    paragraphs = [f"{text} {long_words} {text}" for text in STORY[:8]]
    read = compiled(head + "\n\n".join(paragraphs))
    assert read.text.split() == " ".join(paragraphs).split()


def test_three_columns_are_read_one_after_the_other() -> None:
    head = (
        '#set page(paper: "a4", columns: 3)\n#set text(size: 9pt, hyphenate: true)\n#set par(justify: true)\n'
    )
    read = compiled(head + "\n\n".join(STORY))
    assert agreement("\n\n".join(STORY), read.text) > 0.995


def test_a_title_over_two_columns_is_read_first() -> None:
    title = '#place(top, scope: "parent", float: true)[#text(size: 18pt)[The harbour in fifty years]]\n'
    head = '#set page(paper: "a4", columns: 2)\n#set text(size: 9pt)\n#set par(justify: true)\n'
    read = compiled(head + title + "\n\n".join(STORY))
    assert read.text.startswith("The harbour in fifty years\n\nSeven barges")
    assert agreement("The harbour in fifty years " + " ".join(STORY), read.text) > 0.995


def test_a_table_is_read_row_by_row_and_interrupts_no_sentence() -> None:
    cells = "[Year], [Boats], [Tugs], [1998], [40], [2], [1999], [55], [3]"
    table = f"table(columns: 3, column-gutter: 2em, stroke: none, {cells})"
    read = compiled(
        f'#set page(paper: "a5")\n{FIRST}\n\n#figure({table}, caption: [Boats of Varnes.])\n\n{SECOND}'
    )
    kinds = {aside.kind: read.text[aside.start : aside.end] for aside in read.asides}
    assert kinds["table"].split("\n") == ["Year   Boats   Tugs", "1998   40   2", "1999   55   3"]
    assert "Boats of Varnes." in kinds["caption"]
    assert running_text(read).split() == f"{FIRST} {SECOND}".split()


def test_the_head_of_a_table_in_a_column_belongs_to_it() -> None:
    cells = "[Year], [Boats], [Tugs], [1998], [40], [2], [1999], [55], [3]"
    head = '#set page(paper: "a4", columns: 2)\n#set text(size: 9pt)\n#set par(justify: true)\n'
    read = compiled(f"{head}{FIRST}\n#figure(table(columns: 3, {cells}), caption: [Boats.])\n{SECOND}")
    assert running_text(read).split() == f"{FIRST} {SECOND}".split()


def test_the_dots_of_a_table_of_contents_are_not_read() -> None:
    read = compiled(f"{A5}#outline()\n#pagebreak()\n= The harbour\n{FIRST}\n= The costs\n{SECOND}")
    assert "The harbour   2\nThe costs   2" in read.text
    assert ". ." not in read.text


def test_letters_of_formulas_are_letters() -> None:
    assert "E = mc²" in compiled(f"{A5}{FIRST} It is $E = m c^2$ as ever. {SECOND}").text


def test_a_floating_figure_interrupts_no_sentence() -> None:
    figure = "#place(bottom, float: true)[#figure(rect(height: 3cm), caption: [The quay in {0}.])]"
    source = '#set page(paper: "a5", numbering: "1")\n#set par(justify: true)\n' + "\n".join(
        f"{one} {two}\n{figure.format(1900 + number)}"
        for number, (one, two) in enumerate(zip(STORY[::2], STORY[1::2], strict=True))
    )
    read = compiled(source)
    assert sum(aside.kind == "caption" for aside in read.asides) >= 5
    assert agreement(" ".join(STORY), running_text(read)) > 0.98


def test_the_bibliography_is_marked_and_what_follows_it_is_not() -> None:
    items = "\n\n".join(
        f"[{n}] Anna Lind. The harbour of Varnes, volume {n}. Nordkai, 19{n:02}." for n in range(60, 80)
    )
    read = compiled(f'#set page(paper: "a5")\n{FIRST}\n\n= References\n\n{items}\n\n= Appendix\n\n{SECOND}')
    (references,) = {aside.kind for aside in read.asides}
    assert references == "references"
    assert running_text(read).split() == f"{FIRST} Appendix {SECOND}".split()


def test_raised_numbers_stay_raised_and_ligatures_are_letters() -> None:
    text = "The office of the first flight has 10{0} files, in different rooms."
    assert compiled(A5 + text.format("#super[3]")).text == text.format("³")


def test_hebrew_is_read_from_right_to_left() -> None:
    text = "הנמל הישן נסגר לשנה בזמן שהרציף נבנה מחדש. המועצה שילמה 50 אחוז מן העלות "
    text += "ובעלי הסירות שילמו את השאר במשך עשר שנים."
    head = '#set text(lang: "he", font: "DejaVu Sans")\n#set page(paper: "a6")\n'
    read = compiled(head + text)
    assert read.text == text


@pytest.mark.parametrize(
    ("line", "following", "joined"),
    [
        ("the measure-", "ment of it", "the measurement of it"),
        ("the mea\u00ad", "sure of it", "the measure of it"),
        ("a well-", "known way", "a well-known way"),
        ("an up-", "to-date list", "an up-to-date list"),
        ("a near-", "immediate answer", "a near-immediate answer"),
        ("pre-", "and post-war", "pre- and post-war"),
        ("in East-", "Anglia", "in East-Anglia"),
        ("IN BROAD-", "CAST", "IN BROADCAST"),
        ("and/", "or", "and/or"),
        ("the end", "of it", "the end of it"),
        ("a switch-to-", "switch protocol", "a switch-to-switch protocol"),
        ("we re-", "established it", "we re-established it"),
        ("a publically-", "readable value", "a publically-readable value"),
        ("the noArea-", "Summary of it", "the noAreaSummary of it"),
        ("an AMI-", "coded signal", "an AMI-coded signal"),
        ("an overlap-", "ping-fragment attack", "an overlapping-fragment attack"),
    ],
)
def test_words_cut_at_the_end_of_a_line(line: str, following: str, joined: str) -> None:
    kept, between = joint(line, following, Counter())
    assert kept + between + following == joined


def test_the_documents_own_words_decide() -> None:
    assert joint("the sub-", "way", Counter({"sub-way": 2})) == ("the sub-", "")
    assert joint("a long-", "term", Counter({"longterm": 1})) == ("a long", "")


def test_the_work_grows_with_the_text_and_no_faster() -> None:
    def seconds(count: int) -> float:
        words = [
            Word("ab-" * 5, 72.0 + n % 9 * 50, 120.0 + n % 9 * 50, top, top + 12, top + 10, 12.0, False, n)
            for n in range(count)
            for top in [14.0 * (n // 9)]
        ]
        found = []
        for _ in range(3):
            started = time.process_time()
            text_of([lay_out(words, 600.0)])
            found.append(time.process_time() - started)
        return min(found)

    assert seconds(16_000) < 12 * seconds(4_000)


def test_a_line_without_spaces_is_read() -> None:
    for name in ("one-word-850B.pdf", "one-word-1kB.pdf"):
        text = read_pdf((CASES / name).read_bytes()).text
        assert set(text.replace(" ", "")) == {"a", "b"}


def test_a_sentence_that_names_a_figure_is_no_caption() -> None:
    text = "Figure 1 shows the harbour in the year of the storm, which is only an example of it."
    read = compiled(f"{A5}{FIRST}\n\n{text}\n\n{SECOND}")
    assert read.asides == ()
    assert text in " ".join(read.text.split())


def test_the_first_lines_of_a_column_are_not_read_across_the_page() -> None:
    columns = '#set page(paper: "a6", columns: 2)\n#set text(size: 7pt)\n#set par(justify: true)\n'
    for count in range(3, 8):
        story = " ".join(STORY[:count])
        assert compiled(columns + story).text.split() == story.split()


def test_a_line_of_few_words_that_fills_its_column_is_no_table() -> None:
    head = "#set page(width: 200pt, height: 400pt)\n#set par(justify: true)\n"
    line = "ospfMulticastExtensions OBJECT TYPE #linebreak(justify: true)\n"
    read = compiled(f"{head}{FIRST}\n\n{line}{SECOND}")
    assert read.asides == ()


def test_the_mark_of_a_note_that_slips_to_another_page_is_not_read_out() -> None:
    pages = [
        "\n".join([FIRST, "#v(1fr)", "#text(size: 7pt)[#super[1]#h(2pt)The firm is Nordkai of Lund.]"]),
        SECOND.replace("quay", "quay#super[1]"),
    ]
    read = compiled('#set page(paper: "a6")\n#set text(size: 9pt)\n' + "\n#pagebreak()\n".join(pages))
    assert "The new quay was opened" in read.text


def test_the_last_line_of_a_page_that_looks_like_its_number_is_text() -> None:
    pages = [STORY[0] + " The rest is told in the report \\ [90].", *STORY[1:4]]
    source = '#set page(paper: "a6", numbering: "1")\n#set text(size: 9pt)\n'
    assert "in the report [90]." in compiled(source + "\n#pagebreak()\n".join(pages)).text


def test_text_turned_against_the_page_is_set_apart_and_not_dropped() -> None:
    turned = "The table of tides is printed along the margin of this page."
    source = f"{A5}{FIRST}\n\n#rotate(-90deg, reflow: true)[{turned}]\n\n{SECOND}"
    read = compiled(source)
    (aside,) = read.asides
    assert (aside.kind, " ".join(read.text[aside.start : aside.end].split())) == ("turned", turned)
    assert running_text(read).split() == f"{FIRST} {SECOND}".split()


def test_a_stamp_across_all_pages_is_furniture_and_one_across_a_single_page_is_read() -> None:
    stamp = "#place(center + horizon, rotate(45deg, text(size: 20pt)[Draft of the council]))\n"
    pages = [stamp + one for one in (FIRST, SECOND, THIRD)]
    assert "Draft" not in compiled(A5 + "\n#pagebreak()\n".join(pages)).text
    read = compiled(A5 + "\n#pagebreak()\n".join([pages[0], SECOND, THIRD]))
    assert [(one.kind, read.text[one.start : one.end]) for one in read.asides] == [
        ("turned", "Draft of the council")
    ]


def test_dashes_of_two_hyphens_are_whole() -> None:
    text = "He came -- as ever -- too late -- and left, a six- octet -- address, at once -- as he did. " * 6
    for size in (8, 9, 10):
        source = f'#set page(paper: "a6")\n#set text(size: {size}pt)\n#set par(justify: true)\n'
        assert compiled(source + text.replace("-", "\\-")).text.split() == text.split()


def test_fonts_that_do_not_say_which_letters_they_show_make_a_page_undecodable() -> None:
    pdf = typst.compile(f"{A5}{FIRST}\n\n{SECOND}".encode(), format="pdf")
    read = read_pdf(pdf.replace(b"/ToUnicode", b"/NoUnicode"))
    assert [page.kind for page in read.pages] == ["undecodable"]
    assert read.text == ""
