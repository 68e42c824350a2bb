"""What the default model's summaries of all kinds of text hold, and what they never hold.

`data/` were written for this test. Of `says`, facts that a reader would miss, the summary holds one at
least. `never` are the things that are no prose there.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from bigbird_pegasus.summarization.options import SummaryOptions
from bigbird_pegasus.text.words import count_words

from bbp_cli.documents.document import parse
from bbp_cli.models.checkpoints import LoadedModel, find, load
from bbp_cli.models.hardware import prepare
from bbp_cli.tasks.results import DocumentSummary
from bbp_cli.tasks.summarize import summary_task
from bbp_cli.tasks.task import run_one

FOLDER = Path(__file__).resolve().parents[1] / "data"
ENGLISH = "English"


@dataclass(frozen=True)
class Kind:
    """A document: what its summary must hold one of, what it must not hold, and the language it is in."""

    says: tuple[str, ...]
    never: tuple[str, ...] = ()
    language: str = ENGLISH


KINDS = {
    "news.txt": Kind(
        ("last crossing on 30 November",),
        ("By Marta", "min read", "Harbour |", "Share this", "Read more", "newsletter", "All rights reserved"),
    ),
    "email_thread.txt": Kind(
        ("from 17 November to 1 December",),
        ("From:", "Subject:", "wrote:", "Hi Ben", "regards", "Anna Lind", "Sent from", "Shall we keep"),
    ),
    "email_plain.txt": Kind(
        ("boiler has failed", "whole boiler has to be replaced", "new boiler installed"),
        ("Dear Ms", "Kind regards", "Tomasz", "0151", "confidential", "intended recipient"),
    ),
    "transcript.txt": Kind(
        ("close the north end of the pier", "Eleven of the forty", "decide for steel piles"),
        ("Good morning", "Can you hear me", "ANNA: Yes", "CARLA: Yes", "I agree", "Me too", "bye"),
    ),
    "captions.txt": Kind(
        ("kept bees on the roof", "In the city my bees", "six hundred hives"),
        ("00:", "Thank you", "Wow", "Welcome back"),
    ),
    "minutes.txt": Kind(
        ("raise the yearly fee", "start is moved to the mill bridge", "18,400 euros"),
        ("Present:", "Apologies", "Approved without", "None.", "Next meeting", "LT:", "MINUTES"),
    ),
    "readme.md": Kind(
        ("predicts the water level",),
        ("```", "pip install", "import", "| ", "[Install]", "build", "##", "[x]", "Copyright", "All rights"),
    ),
    "contract.txt": Kind(
        ("rents to the Renter the motor boat", "The rent is 1,960 euros"),
        ("BOAT RENTAL AGREEMENT", "1. SUBJECT", "____", "Page 1", "5. LAW"),
    ),
    "story.txt": Kind(("a clock that ran backwards", "clock for remembering"), ("The Clock in the Mill",)),
    "shopping.txt": Kind(("Packing list for the island weekend",), ("- ",)),
    "table.md": Kind(("The number of ships fell in Aldersund",), ("|", "---", "Source:")),
    "poem.txt": Kind(("All day he rows from shore to shore",)),
    "source_code.py": Kind(
        ("decide when the lock gates must close", "closes the gates", "the level is the median"),
        ("import", "def ", "self", '"""', "#", "Copyright", "License", "="),
    ),
    "source_code.c": Kind(
        ("The queue needs no lock",), ("/*", "*/", "* ", "#include", "size_t", "return", "Copyright")
    ),
    "pages.txt": Kind(
        ("handled 1.9 million tonnes",),
        ("Annual Report", "....", "- 2 -", "Contents", "Published by", "www.", "1  Summary", "Dredging"),
    ),
    "changelog.md": Kind(
        ("no longer guesses the time zone", "take the air pressure into account"),
        ("All notable changes", "## ", "2025-", "https:", "typo", "- "),
    ),
    "bug_report.md": Kind(
        ("wrong by exactly twelve hours",),
        ("```", "$ ", "Traceback", "File ", "raise", "###", "Debian", "nightly build"),
    ),
    "recipe.txt": Kind(
        ("Peel the potatoes", "Melt a spoon of butter", "Put the cod into the soup", "Add the potatoes"),
        ("Serves", "Difficulty", "Print |", "600 g", "Ingredients"),
    ),
    "faq.txt": Kind(
        ("It stops at the harbour", "Tickets are sold", "the bridge is closed"), ("A: Yes", "555 0100")
    ),
    "web_page.txt": Kind(
        ("Most accidents on the Holm Sound", "three signs in the sky", "stay in the harbour"),
        ("Skip to", "Menu", "Cart", "cookies", "comments", "will not be published", "Privacy", "©"),
    ),
    "chat.txt": Kind(
        ("disk of the build server is full", "cron job"), ("hi all", ": hey", "yep", "thanks", "+1", ":)")
    ),
    "review.txt": Kind(
        ("starts on the first pull", "5 kilometres at full power", "The tiller is made of plastic"),
        ("Pros:", "Cons:", "Rating"),
    ),
    "letter.txt": Kind(
        ("we could not leave the house", "a place for a teacher"), ("Dear", "With love", "2 February")
    ),
    "german.txt": Kind(("am 3. Oktober", "Am 3. Oktober", "60. Geburtstag"), ("abgeschaltet Am",), "German"),
    "french.txt": Kind(("restera ouverte jusqu'à deux heures", "M. Le Goff"), ("ouvre la nuit",), "French"),
    "spanish.txt": Kind(
        ("compró una locomotora", "tres viajes al día"), ("El pueblo que compró su propio tren",), "Spanish"
    ),
    "russian.txt": Kind(("совершит последний рейс",), ("уходит в последний",), "Russian"),
    "chinese.txt": Kind(("停运", "三万一千人", "每次航行", "无法避免"), (), "Chinese"),
}  # fmt: skip
LENGTHS = (None, 60, 30)


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load(find("default", "summarize"), prepare(threads=1))


def summary_of(text: str, model: LoadedModel, length: int | None = None) -> DocumentSummary:
    document = parse(text.encode(), "-")
    found = run_one(summary_task(SummaryOptions(length=length), model.checkpoint), document, model)
    for sentence in found.sentences:
        source = document.text[sentence.sources[0].start : sentence.sources[0].end]
        assert without_space(source).startswith(without_space(sentence.text))
    return found


def without_space(text: str) -> str:
    """The characters as they stand there, but for the marks at the beginning of lines."""
    return "".join(re.sub(r"(?m)^[\s>#*/]+", " ", text).split())


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def test_every_document_is_asked_for_something() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(KINDS)
    assert len(KINDS) >= 20


@pytest.mark.parametrize("name", KINDS)
def test_a_summary_says_what_matters(name: str, model: LoadedModel) -> None:
    found = summary_of(read(name), model)
    assert any(fact in found.text for fact in KINDS[name].says), found.text
    assert found.quality.stop != "whole"


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", KINDS)
def test_a_summary_holds_nothing_but_prose_and_keeps_the_length(
    name: str, length: int | None, model: LoadedModel
) -> None:
    found = summary_of(read(name), model, length)
    assert [text for text in KINDS[name].never if text in found.text] == [], found.text
    most = length or max(100, count_words(read(name)) / 2)  # nobody asked for a length: much less than all
    assert 0 < count_words(found.text) <= most
    assert not re.search(r"^\s*(>|On .* wrote:|[-*•] )", found.text, re.MULTILINE)


@pytest.mark.parametrize("name", KINDS)
def test_only_of_other_languages_is_warned(name: str, model: LoadedModel) -> None:
    language = KINDS[name].language
    expected = f"reads like {language}: the default model knows English, take the summary with care"
    assert summary_of(read(name), model).warnings == (() if language == ENGLISH else (expected,))


@pytest.mark.parametrize(
    "text",
    [
        "The tide turned at noon.",
        "Ping me when the build is green. Thanks!",
        "Das Boot ist heute Morgen untergegangen. Niemand wurde verletzt. Die Ursache kennt noch keiner.",
        "船沉了。没有人受伤。原因还不清楚。",
        "Rent is due on Friday. Please pay 400 euros in cash, or transfer it to the account at the bottom.",
    ],
)
def test_one_to_three_sentences_come_back_whole_without_a_warning(text: str, model: LoadedModel) -> None:
    found = summary_of(text, model)
    assert found.text == text
    assert (found.quality.stop, found.warnings) == ("whole", ())


def test_an_answer_above_a_long_quoted_mail_is_no_summary_of_it(model: LoadedModel) -> None:
    quoted = "\n".join(f"> {line}" for line in read("email_plain.txt").splitlines())
    found = summary_of(f"Sounds good, do it.\n\nOn Monday, Tomasz wrote:\n\n{quoted}\n", model)
    assert "boiler" in found.text
    assert ">" not in found.text
