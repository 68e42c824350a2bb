"""What summaries of few words say: the main point, and nothing that leans on what is left out."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from bigbird_pegasus import summarize
from bigbird_pegasus.summarization.choosing.main_point import beginning
from bigbird_pegasus.summarization.choosing.presupposition import presupposes

EXAMPLES = Path(__file__).parents[4] / "examples"


@dataclass(frozen=True)
class Report:
    """A report whose first sentence says what it is about; `clause` is the beginning that stands alone."""

    text: str
    clause: str
    leaning: tuple[str, ...]


REPORTS = {
    "en": Report(
        "A fire broke out early on Tuesday in the warehouse of a furniture maker at the harbour of Westport, "
        "destroying two halls and forcing two hundred residents to leave their homes. No one was injured. "
        "Residents said they had heard a loud bang. The cause is not yet known. The damage is four million.",
        "A fire broke out early on Tuesday in the warehouse of a furniture maker at the harbour of Westport",
        ("No one", "The cause", "The damage"),
    ),
    "de": Report(
        "Die Stadt Neuburg schließt zum Ende des Jahres zwei ihrer vier Hallenbäder, weil die Häuser aus den "
        "Sechzigern so stark beschädigt sind, dass eine Sanierung nach Ansicht der Gutachter nicht mehr "
        "sinnvoll wäre. Grund sind die Kosten. Sie müssen nun gespart werden. Viele Vereine sind dagegen.",
        "Die Stadt Neuburg schließt zum Ende des Jahres zwei ihrer vier Hallenbäder",
        ("Grund", "Sie"),
    ),
    "fr": Report(
        "La ville de Belleville fermera à la fin de l'année deux de ses quatre piscines couvertes, ce qui "
        "prive les clubs de la région de leurs lieux habituels pour les cours et pour les compétitions. "
        "La raison est le coût. Elle ne peut pas payer les travaux. Les clubs protestent contre la décision.",
        "La ville de Belleville fermera à la fin de l'année deux de ses quatre piscines couvertes",
        ("La raison", "Elle"),
    ),
    "es": Report(
        "La ciudad de Villanueva cerrará a finales de año dos de sus cuatro piscinas cubiertas, mientras los "
        "clubes de la región buscan otros lugares para sus cursos y para las competiciones de invierno. "
        "El motivo es el coste. Ella no puede pagar las obras. Los clubes protestan contra la decisión.",
        "La ciudad de Villanueva cerrará a finales de año dos de sus cuatro piscinas cubiertas",
        ("El motivo", "Ella"),
    ),
}


@pytest.mark.parametrize("language", REPORTS)
def test_a_small_length_keeps_the_main_clause(language: str) -> None:
    report = REPORTS[language]
    found = summarize(report.text, length=20)
    assert found.language == language
    assert found.sentences[0].text == report.clause + "…"
    (warning,) = found.warnings
    assert warning.startswith("the most important sentence has ")
    assert warning.endswith("more than 20: its main clause is printed")
    assert found.quality.stop == "length"
    assert found.sentences[0].start == 0  # the source is the whole sentence
    assert found.sentences[0].end == report.text.index(". ") + 1


@pytest.mark.parametrize("language", REPORTS)
@pytest.mark.parametrize("length", [4, 10, 16, 25])
def test_nothing_is_printed_that_leans_on_what_is_left_out(language: str, length: int) -> None:
    report = REPORTS[language]
    found = summarize(report.text, length=length)
    assert 1 <= len(found.summary.split()) <= length
    starts = [0, *(match.end() for match in re.finditer(r"\. ", report.text))]
    chosen = [starts.index(one.start) for one in found.sentences]
    for number, one in zip(chosen, found.sentences, strict=True):
        assert not one.text.startswith(report.leaning) or number - 1 in chosen


def test_the_second_way_is_nothing_without_the_first() -> None:
    text = (
        "There are two ways to store the table of contents of an archive: one at its beginning where readers "
        "find it at once, and one at its end where a writer can append to the archive without moving data. "
        "We propose the second way. It costs one seek. Appending a file to an archive takes milliseconds."
    )
    for length in (5, 8, 12, 20):
        assert "second way" not in summarize(text, length=length).summary


def test_a_section_without_room_for_more_than_a_sentence_that_leans_is_left_out() -> None:
    text = (EXAMPLES / "harbour-report.txt").read_text(encoding="utf-8")
    found = summarize(text, length="8%", per_section=True)
    assert len({one.heading for one in found.sentences}) >= 3
    assert "No one was injured." not in found.summary  # all that has room of the first section


def test_the_best_sentence_that_has_room_takes_the_place_of_one_that_has_none() -> None:
    text = (EXAMPLES / "river-survey.txt").read_text(encoding="utf-8")
    scores = {one.text: one.score or 0.0 for one in summarize(text, length=400).sentences}
    main = max(scores, key=scores.__getitem__)
    for length in (22, 30, 38):
        first = summarize(text, length=length).sentences[0]
        assert first.text == max(
            (one for one in scores if len(one.split()) <= length), key=scores.__getitem__
        )
        assert len(main.split()) > length


def test_a_beginning_that_is_cut_does_not_end_in_a_small_word() -> None:
    found = summarize(REPORTS["en"].text, length=12)
    assert found.summary == "A fire broke out early on Tuesday in the warehouse…"
    assert found.warnings[0].endswith("more than 12: it is cut")


def test_a_beginning_ends_with_no_number_without_its_unit() -> None:
    text = "The river between the two towns rose by 12 cm within a day."
    assert beginning(text, 9) == "The river between the two towns rose"
    assert beginning(text, 10) == "The river between the two towns rose by 12 cm"
    assert beginning("of it", 1) == "of"


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "He declined to comment."),
        ("en", "We propose the second way."),
        ("en", "Economists call that an externality."),
        ("en", "Nobody was hurt."),
        ("en", "The harbour's own reserve can bear 1.5 million of this."),
        ("de", "Die Vereine wissen nichts davon."),
        ("en", "We also propose three smaller measures."),
        ("de", "Die Vereine hatten ebenfalls Fragen."),
        ("de", "Grund sind die Kosten."),
        ("de", "Dafür stimmten zehn Räte."),
        ("de", "Wir schlagen die zweite Lösung vor."),
        ("fr", "Personne n'a été blessé."),
        ("fr", "Nous proposons la deuxième solution."),
        ("es", "Nadie resultó herido."),
        ("it", "Il motivo è il costo."),
        ("pt", "Ninguém ficou ferido."),
        ("nl", "Reden zijn de kosten."),
        ("sv", "Orsaken är kostnaden."),
        ("pl", "Powodem są koszty."),
        ("ru", "Причиной стали расходы."),
        ("zh", "原因是费用。"),
        ("ja", "その理由は費用です。"),
    ],
)
def test_sentences_that_lean_are_known(language: str, sentence: str) -> None:
    assert presupposes(sentence, language)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Residents of the town heard a loud bang."),
        ("en", "This paper describes a new protocol."),
        ("en", "The pump and the pipes around it were replaced."),
        ("de", "Es gibt in Neuburg vier Hallenbäder."),
        ("de", "Die Stadt schließt zwei Bäder."),
        ("fr", "Il y a quatre piscines à Belleville."),
        ("hu", "A város bezár két uszodát."),
        (None, "Westport closes two of its pools."),
    ],
)
def test_sentences_that_stand_are_known(language: str | None, sentence: str) -> None:
    assert not presupposes(sentence, language)
