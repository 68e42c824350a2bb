"""One summary over many documents: every sentence with its file and page, near-duplicates said once."""

from dataclasses import replace
from pathlib import Path

from bigbird_pegasus.summarization.options import NO_QUERY_WORDS
from bigbird_pegasus.text.words import count_words

from bbp_cli.batch.digest import DigestSentence, choose
from bbp_cli.commands.digest import as_line
from bbp_cli.tasks.results import CitedSentence, Origin
from tests.cli.pdfs import make_pdf
from tests.conftest import SENTENCES, Bbp


def sentence(document: int, number: int, text: str, score: float) -> DigestSentence:
    cited = CitedSentence(text, (Origin(None, 0, len(text), score),))
    return DigestSentence(document, number, f"{document}.txt", "§1", cited, score)


def texts_of(chosen: list[DigestSentence]) -> list[str]:
    return [one.sentence.text for one in chosen]


def test_sentences_are_taken_by_score_and_stand_in_the_order_of_their_documents() -> None:
    found = choose([sentence(n, 0, text, n + 1.0) for n, text in enumerate(SENTENCES[:9])], words=30)
    assert texts_of(found) == SENTENCES[9 - len(found) : 9]
    assert 20 < sum(count_words(text) for text in texts_of(found)) <= 30


def test_best_first_orders_documents_and_leaves_their_sentences_in_order() -> None:
    candidates = [sentence(0, 0, SENTENCES[0], 1.0), sentence(1, 0, SENTENCES[10], 1.5)]
    candidates += [sentence(1, 1, SENTENCES[20], 3.0), sentence(2, 0, SENTENCES[30], 2.0)]
    ordered = [SENTENCES[10], SENTENCES[20], SENTENCES[30], SENTENCES[0]]
    assert texts_of(choose(candidates, words=200, best_first=True)) == ordered
    assert texts_of(choose(candidates, words=200)) == [SENTENCES[n] for n in (0, 10, 20, 30)]


def test_a_document_that_has_sentences_already_counts_less() -> None:
    candidates = [sentence(0, n, text, 1.0) for n, text in enumerate(SENTENCES[:6])]
    candidates += [sentence(1, 0, SENTENCES[6], 0.9)]
    found = choose(candidates, words=count_words(" ".join([SENTENCES[0], SENTENCES[6]])))
    assert texts_of(found) == [SENTENCES[0], SENTENCES[6]]


def test_what_several_documents_say_is_said_once_with_their_names() -> None:
    first = "The harbour at Aldersund froze on the ninth of January and stayed closed."
    again = "The harbour at Aldersund froze on the tenth of January and stayed closed."
    found = choose([sentence(0, 0, first, 1.0), sentence(1, 0, again, 0.9), sentence(2, 0, again, 0.8)], 100)
    assert texts_of(found) == [first]
    assert found[0].also == ["1.txt", "2.txt"]


def test_text_names_the_first_of_many_documents_that_say_the_same() -> None:
    one = replace(sentence(0, 0, "It froze.", 1.0), also=[f"{n}.txt" for n in range(1, 10)])
    said = "0.txt, §1; also 1.txt, 2.txt, 3.txt, 4.txt, 5.txt"
    assert as_line(one) == f"It froze. [{said} and 4 more]\n"
    assert as_line(replace(one, also=one.also[:5])) == f"It froze. [{said}]\n"
    assert as_line(replace(one, name="a\nb.txt", also=[])).startswith("It froze. [a\\nb.txt, ")


def test_the_first_sentence_is_taken_however_long_it_is() -> None:
    assert len(choose([sentence(0, 0, SENTENCES[0], 1.0), sentence(0, 1, SENTENCES[1], 0.5)], words=1)) == 1
    assert choose([], words=10) == []


def test_a_digest_names_files_and_pages(warm_bbp: Bbp, extractive: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.pdf").write_bytes(make_pdf([" ".join(SENTENCES[:4]), " ".join(SENTENCES[4:8])]))
    (tmp_path / "in/b.txt").write_text(" ".join(SENTENCES[20:24]))
    (tmp_path / "in/c.txt").write_text("")
    done = warm_bbp("digest", "--model", extractive, "in", "--length", 40)
    assert done.code == 6
    lines = done.stdout.splitlines()
    assert lines
    for line in lines:
        text, _, cited = line.rstrip("]").partition(" [")
        if cited.startswith("in/a.pdf, p. "):
            page = int(cited.removeprefix("in/a.pdf, p. "))
            assert text in SENTENCES[4 * page - 4 : 4 * page]
        else:
            assert cited.startswith("in/b.txt, §1")
            assert text in SENTENCES[20:24]
    (record,) = warm_bbp("digest", "--model", extractive, "in", "--length", 40, "--json").records
    assert record["documents"] == 2
    assert [one["text"] for one in record["sentences"]] == [line.partition(" [")[0] for line in lines]
    assert count_words(record["summary"]) <= 40


def test_a_query_takes_sentences_of_the_documents_that_speak_of_it(warm_bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(" ".join([*SENTENCES[:10], "The waterworks by the river was closed."]))
    (tmp_path / "b.txt").write_text(" ".join(SENTENCES[10:20]))
    done = warm_bbp("digest", "a.txt", "b.txt", "--query", "what is said of the waterworks")
    assert (done.code, "warning" in done.stderr) == (0, False)
    assert "The waterworks by the river was closed. [a.txt, §1]\n" in done.stdout
    assert "[b.txt" not in done.stdout
    done = warm_bbp("digest", "a.txt", "b.txt", "--query", "zeppelin")
    assert (done.code, "[b.txt" in done.stdout) == (0, True)
    assert "warning: 2 documents: no sentence that is chosen from has a word of the query" in done.stderr


def test_each_sentence_of_a_conversation_has_the_name_of_who_says_it(warm_bbp: Bbp, tmp_path: Path) -> None:
    said = [
        (name, *SENTENCES[n : n + 2]) for n, name in zip(range(0, 12, 2), ["Anna", "Ben"] * 3, strict=True)
    ]
    (tmp_path / "a.txt").write_text("\n\n".join(f"{name}: {one} {two}" for name, one, two in said))
    who = {one: name for name, *both in said for one in both}
    done = warm_bbp("digest", "a.txt", "--length", 100)
    lines = [line.partition(" [")[0] for line in done.stdout.splitlines()]
    assert len(lines) > 3
    for line in lines:
        name, _, text = line.partition(": ")
        assert who[text] == name
    (record,) = warm_bbp("digest", "a.txt", "--length", 100, "--json").records
    assert record["summary"].splitlines() == lines


def test_a_query_puts_the_document_that_says_most_of_it_first(warm_bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(" ".join([*SENTENCES[:10], "Mr. Lind has seen the waterworks once."]))
    asked = "The waterworks by the river was closed."
    (tmp_path / "b.txt").write_text(" ".join([*SENTENCES[10:20], asked]))
    done = warm_bbp("digest", "a.txt", "b.txt", "--query", "are the waterworks by the river closed")
    assert done.stdout.startswith(f"{asked} [b.txt")
    assert "[a.txt" in done.stdout


def test_json_has_the_query_and_the_warning(warm_bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(" ".join(SENTENCES[:10]))
    done = warm_bbp("digest", "a.txt", "--json", "--query", "zeppelin")
    (record,) = done.records
    assert (record["documents"], record["query"]) == (1, "zeppelin")
    assert record["warnings"] == [NO_QUERY_WORDS]
    assert f"warning: 1 document: {NO_QUERY_WORDS}" in done.stderr
    (record,) = warm_bbp("digest", "a.txt", "--json").records
    assert (record["query"], record["warnings"]) == (None, [])


def test_a_model_that_writes_is_a_usage_error(warm_bbp: Bbp, writer: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(SENTENCES[0])
    done = warm_bbp("digest", "--model", writer, "a.txt")
    assert (done.code, done.stdout) == (2, "")
    assert "a digest needs a model that chooses sentences" in done.stderr
