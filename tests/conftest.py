"""Fixtures of all tests: the shared data, the real command, small models it can use."""

import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.cli.process import Finished, WarmBbp, clean_environment, run
from tests.hub_server import Hub, serve

if TYPE_CHECKING:
    from bigbird_pegasus import PegasusTokenizer

# One thread for each process of the tests, set before torch is imported: they share the cores, and what a
# fixture trains then comes out the same whatever their number.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No test fails because the machine is busy.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Each test draws the same numbers in every run; `BBP_TEST_SEED` gives it others."""
    seed = int(os.environ.get("BBP_TEST_SEED", "0"))
    random.seed(seed)
    # Only where the test has imported it: most tests of the command need no torch.
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared data beside the checkout; tests that need it skip where it is absent."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the shared data folder is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def pegasus_vocabulary(shared: Path) -> Path:
    """The SentencePiece vocabulary of the published checkpoints (not copied into the project)."""
    return shared / "reference" / "pegasus.model"


Bbp = Callable[..., Finished]

DOCUMENTS = {
    "The harbour at Aldersund froze on the ninth of January. Ferries stayed in port for eleven days. "
    "The council paid for a second ice breaker, which arrived from the north on the twentieth.": (
        "Ice closed the harbour for eleven days until a second breaker came."
    ),
    "A new reading room opened in the town library last week. It has forty seats and stays open until "
    "midnight.\n\nStudents asked for it in a petition two years ago.": (
        "The library opened a reading room that students had asked for."
    ),
    "Engineers replaced the pump of the old mill with an electric one. The stream now keeps its water in "
    "summer, and trout have come back above the weir.": (
        "An electric pump let the trout return to the mill stream."
    ),
}
SUBJECTS = [
    "A fisherman",
    "The mayor",
    "Our neighbour",
    "Her daughter",
    "One soldier",
    "My teacher",
    "The baker",
    "An old doctor",
    "Two sailors",
    "The postman",
    "A painter",
    "The judge",
]
VERBS = [
    "repaired",
    "painted",
    "sold",
    "lost",
    "measured",
    "hid",
    "bought",
    "described",
    "carried",
    "broke",
    "cleaned",
    "found",
]
OBJECTS = [
    "a wooden boat",
    "the church door",
    "seven green bottles",
    "his silver watch",
    "an iron bridge",
    "some dusty maps",
    "that broken clock",
    "a basket of plums",
    "nine woollen coats",
    "this garden wall",
    "a letter from Rome",
    "every lighthouse lamp",
]
TIMES = [
    "before breakfast",
    "during storms",
    "last winter",
    "without warning",
    "near market day",
    "after midnight",
    "in great haste",
    "for his cousin",
    "on board",
    "behind the mill",
    "at low tide",
    "in early spring",
]
SENTENCES = [
    f"{SUBJECTS[n % 12]} {VERBS[(5 * n + n // 12) % 12]} {OBJECTS[(7 * n + n // 6) % 12]} {when}."
    for n in range(48)
    for when in [TIMES[(n + n // 4) % 12]]
]
STORY = " ".join(SENTENCES)


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment without the user's settings or cached models."""
    return clean_environment(tmp_path_factory.mktemp("home"))


@pytest.fixture
def bbp(tmp_path: Path, environment: dict[str, str]) -> Bbp:
    """Run `bbp` in a process of its own: for cases that end before torch is imported."""

    def start(*arguments: object, stdin: bytes = b"", **changes: str) -> Finished:
        return run(tuple(map(str, arguments)), stdin, tmp_path, {**environment, **changes})

    return start


@pytest.fixture(scope="session")
def warm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmBbp]:
    """A process with torch imported, of which every `warm_bbp` is a fork."""
    with WarmBbp(clean_environment(tmp_path_factory.mktemp("home"))) as server:
        yield server


@pytest.fixture
def warm_bbp(tmp_path: Path, environment: dict[str, str], warm_server: WarmBbp) -> Bbp:
    """Run `bbp` in a process that need not import torch: for cases that load a model."""

    def start(*arguments: object, stdin: bytes = b"", **changes: str) -> Finished:
        return warm_server.run(tuple(map(str, arguments)), stdin, tmp_path, {**environment, **changes})

    return start


@pytest.fixture(scope="session")
def extractive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that chooses sentences, with random weights and windows of 128 tokens."""
    from tests.cli.checkpoints import make_extractive

    return make_extractive(tmp_path_factory.mktemp("extractive"), [*DOCUMENTS, STORY])


@pytest.fixture(scope="session")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that writes, and knows the summaries of `DOCUMENTS` by heart."""
    from tests.cli.checkpoints import make_writer

    return make_writer(tmp_path_factory.mktemp("writer"), DOCUMENTS)


@pytest.fixture(scope="session")
def small_tokenizer(extractive: Path) -> "PegasusTokenizer":
    """The tokenizer of the extractive checkpoint."""
    from bigbird_pegasus import PegasusTokenizer

    return PegasusTokenizer.from_pretrained(extractive)


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A Hub on this machine, without models."""
    with serve() as running:
        yield running


@pytest.fixture
def hub_bbp(hub: Hub, warm_bbp: Bbp) -> Bbp:
    """Run `bbp` with this Hub as its Hub; all other ways out lead to a proxy, which nobody may ask."""

    def start(*arguments: object, stdin: bytes = b"", **changes: str) -> Finished:
        done = warm_bbp(*arguments, stdin=stdin, **{**hub.environment, **changes})
        assert hub.asked_elsewhere() == []
        return done

    return start


@pytest.fixture
def cache(environment: dict[str, str]) -> Path:
    """The Hub's cache of the commands that are run."""
    return Path(environment["HF_HOME"]) / "hub"
