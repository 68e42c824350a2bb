"""Main clauses that are cut, and those that are not."""

import pytest
from bigbird_pegasus.summarization.choosing.main_clause import main_clause

CUT = {
    "en": [
        ("A fire destroyed the old mill on Monday, forcing two hundred people to leave.", 8),
        ("Police closed the bridge on Monday, which angered the drivers.", 6),
        ("The dam lost two metres of its crest, and the office wants it rebuilt in two years.", 8),
        ("The port reopened on Monday, after the wind had dropped, because the ice was gone.", 5),
    ],
    "de": [
        ("Die Stadt schließt zwei ihrer Bäder, weil sie so alt sind, dass sie einzustürzen drohen.", 6),
        ("Der Hafen war am Montag gesperrt, nachdem ein Kran umgestürzt war.", 6),
    ],
    "fr": [("Le maire a fermé le pont lundi soir, ce qui a provoqué la colère.", 8)],
    "es": [("El alcalde cerró el puente el lunes, mientras los vecinos protestaban.", 7)],
    "it": [("Il sindaco ha chiuso il ponte lunedì, mentre la gente protestava.", 7)],
    "pt": [("O prefeito fechou a ponte na segunda-feira, enquanto os vizinhos protestavam.", 7)],
    "nl": [("De haven was op maandag gesloten, nadat een kraan was omgevallen.", 6)],
    "sv": [("Hamnen var stängd hela dagen, eftersom en kran hade fallit.", 5)],
}
KEPT = [  # what is left would say something else, or nothing
    "The drug is safe for most people, if it is taken with water.",
    "All passengers of the ship survived, except two.",
    "The plant will close in May, police said.",
    "He did not resign on that day, because he was ill.",
    "The mayor of the old town, who was elected in May, resigned.",
    "When the pump had failed again, leaving the town dry, the mayor resigned.",
    "He called it “a great day for us all, which we shall remember”.",
    "The fire was put out on Monday night by eighty men.",
    "The mayor, the priest of the town, and the doctor resigned.",
    "The harbour stayed open, but no boat came.",
    "It rained, which surprised nobody who knows the place.",
]


@pytest.mark.parametrize(("language", "sentence", "words"), [(x, *y) for x, ys in CUT.items() for y in ys])
def test_what_only_adds_is_cut(language: str, sentence: str, words: int) -> None:
    clause = main_clause(sentence, language, 8)
    assert clause is not None
    assert sentence.startswith(f"{clause}, ")
    assert len(clause.split()) == words


@pytest.mark.parametrize("sentence", KEPT)
def test_what_would_change_the_meaning_is_not_cut(sentence: str) -> None:
    assert main_clause(sentence, "en", 9) is None


def test_a_clause_has_room_and_a_known_language() -> None:
    sentence = CUT["en"][0][0]
    assert main_clause(sentence, "en", 7) is None
    assert main_clause(sentence, "hu", 8) is None
