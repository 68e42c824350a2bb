"""ROUGE of texts that are not in Latin letters."""

import json
from pathlib import Path

import pytest

pytest.importorskip("rouge_score")

from rouge_score.rouge_scorer import RougeScorer

from bbp_cli.evaluation.metrics import rouge, rouge_grams, rouge_scorer, rouge_value
from bbp_cli.evaluation.rouge_tokens import ScriptTokenizer, rouge_tokens_for
from tests.conftest import Bbp

OF_SCRIPTS = {
    "Chinese": "港口在一月九日结冰。渡轮停航十一天。",
    "Japanese": "港は一月九日に凍った。フェリーは十一日間止まった。",
    "Thai": "ท่าเรือกลายเป็นน้ำแข็งในเดือนมกราคม",
    "Russian": "Порт замёрз девятого января. Паромы стояли одиннадцать дней.",
    "Greek": "Το λιμάνι πάγωσε στις εννέα Ιανουαρίου.",  # noqa: RUF001
    "Arabic": "تجمد الميناء في التاسع من يناير.",
    "Hindi": "नौ जनवरी को बंदरगाह जम गया।",
    "Korean": "항구는 1월 9일에 얼었다.",
}


@pytest.mark.parametrize("language", OF_SCRIPTS)
def test_a_summary_equal_to_its_reference_has_100(language: str) -> None:
    text = OF_SCRIPTS[language]
    assert rouge_tokens_for(text) == "by-script"
    assert set(rouge(rouge_scorer(), [text], [text]).values()) == {100}
    wanted, found = rouge_grams([text, text])
    assert rouge_value(found, wanted) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Порт, порт-2!", ["порт", "порт", "2"]),
        ("港口 GPT4 结冰", ["港", "口", "gpt4", "结", "冰"]),
        ("ท่าเรือ", ["ท่", "า", "เ", "รื", "อ"]),
        ("नौ जनवरी", ["नौ", "जनवरी"]),
        ("\uff27\uff30\uff34\u3000港", ["gpt", "港"]),  # full width
        ("cafe\u0301", ["café"]),
        ("", []),
    ],
)
def test_words_are_cut_by_script(text: str, words: list[str]) -> None:
    assert ScriptTokenizer().tokenize(text) == words


def test_a_share_of_the_words_is_that_share() -> None:
    figures = rouge(rouge_scorer(), ["порт замёрз зимой снова"], ["порт стоял зимой тихо"])
    assert figures["rouge1"] == 50
    assert figures["rouge2"] == 0


@pytest.mark.parametrize(
    ("reference", "summary"),
    [
        ("The ferries stopped running for 11 days.", "Ferries stopped; 11 days of ice."),
        ("Le café de l'été fermé.", "Le cafe fermé"),
        ("The word 港口 means harbour.", "港口 is a harbour"),
    ],
)
def test_figures_in_latin_letters_are_those_of_rouge_score(reference: str, summary: str) -> None:
    assert rouge_tokens_for(reference) == "rouge-score"
    scored = RougeScorer(["rouge1", "rouge2", "rougeLsum"], use_stemmer=True).score(reference, summary)
    assert rouge(rouge_scorer(), [reference], [summary]) == {
        name: 100 * score.fmeasure for name, score in scored.items()
    }


def test_the_record_says_which_words_were_compared(bbp: Bbp, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    rows = [{"document": text, "summary": text} for text in (OF_SCRIPTS["Russian"], "A dog ran. A cat sat.")]
    data.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    done = bbp("evaluate", data, "--baseline", "lead", "--json")
    assert [record.get("rouge_tokens") for record in done.records] == ["by-script", "rouge-score", None]
    assert done.records[0]["figures"]["rouge1"] == 100
