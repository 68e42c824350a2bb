"""What scores sentences of kinds of text that the encoder and its scorer have never seen.

A forest estimates each sentence's worth from features that know hardly any words
(`summarization.features.document_features`), another one the summary's length, a third which words it would
hold (`summarization.features.word_importance`). How much they count beside the scores of the encoder depends
on how *familiar* a document is: how much its words resemble those of the kinds of text that the encoder was
trained on.

The file lies in a checkpoint folder beside the weights. A checkpoint without it is scored as ever.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from bigbird_pegasus.checkpoints.atomic import atomic_write
from bigbird_pegasus.checkpoints.files import GENERAL_SCORER_FILE
from bigbird_pegasus.errors import CheckpointError
from bigbird_pegasus.modeling.decision_forest import Forest

_FORESTS = ("sentences", "length", "words")
_PARTS = ("roots", "columns", "thresholds", "children", "values")
_TABLES = ("rarity", "mean_kind", "kinds")


@dataclass(frozen=True)
class GeneralScorer:
    """Forests over a document's features, and the tables that these need.

    `sentences` gives each sentence's worth, `length` the logarithm of a summary's words, `words` the
    logarithmic odds that a word or a pair of words is in the summary. `rarity` (buckets,)
    is how rare words are in general, by hash. `kinds` (K, buckets) are unit vectors of words, one for each
    kind of text that the encoder was trained on, `mean_kind` (buckets,) the mean over all kinds that is taken
    off a document's vector before they are compared. `columns` is a digest of the features' names: other
    features than those of training mean nothing to a forest.
    """

    sentences: Forest
    length: Forest
    words: Forest
    rarity: NDArray[np.float16]
    mean_kind: NDArray[np.float16]
    kinds: NDArray[np.float16]
    columns: str


def read_general_scorer(folder: Path) -> GeneralScorer | None:
    """Read the scorer of a checkpoint folder; None where it has none.

    Raises:
        CheckpointError: the file is corrupt.
    """
    path = folder / GENERAL_SCORER_FILE
    if not path.is_file():
        return None
    try:
        tensors = load_file(path)
        sentences, length, words = (
            Forest(*(tensors[f"{name}.{part}"] for part in _PARTS)).checked() for name in _FORESTS
        )
        rarity, mean_kind, kinds = (tensors[name] for name in _TABLES)
        columns = tensors["columns"].tobytes().decode("ascii")
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise CheckpointError(f"{path}: not a scorer of sentences: {error}") from error
    return GeneralScorer(sentences, length, words, rarity, mean_kind, kinds, columns)


def write_general_scorer(scorer: GeneralScorer, folder: Path) -> None:
    """Write what `read_general_scorer` reads."""
    tensors = {
        f"{name}.{part}": np.ascontiguousarray(getattr(getattr(scorer, name), part))
        for name in _FORESTS
        for part in _PARTS
    }
    tensors |= {name: np.ascontiguousarray(getattr(scorer, name)) for name in _TABLES}
    tensors["columns"] = np.frombuffer(scorer.columns.encode("ascii"), np.uint8)
    atomic_write(folder / GENERAL_SCORER_FILE, lambda path: save_file(tensors, path))
