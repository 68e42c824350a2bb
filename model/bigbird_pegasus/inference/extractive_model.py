"""A model that chooses sentences, ready to run, whichever engine runs its encoder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `bbp --help` imports this module, and should not import more
    from bigbird_pegasus.config import BigBirdPegasusConfig
    from bigbird_pegasus.inference.numpy_functions import Floats, NetworkWeights
    from bigbird_pegasus.kernels.arithmetic import Arithmetic
    from bigbird_pegasus.modeling.general_scorer import GeneralScorer
    from bigbird_pegasus.text.windows import EncodedText, Window

ARCHITECTURE = "BigBirdPegasusForSentenceExtraction"


@dataclass(frozen=True)
class ExtractiveModel:
    """The encoder as a function, and the weights of the small networks (`inference.sentence_networks`).

    `encode_windows` maps windows to the vectors of the sentences of each, float32 (L, D), NaN for a sentence
    without tokens. `arithmetic` and `device` are the encoder's.
    """

    config: "BigBirdPegasusConfig"
    encode_windows: "Callable[[Sequence[tuple[EncodedText, Window]]], list[Floats]]"
    scorer: "NetworkWeights"
    selector: "NetworkWeights"
    arithmetic: "Arithmetic"
    device: str
    general_scorer: "GeneralScorer | None" = None


def suits_numpy(device: str, dtype: str, quantize: str | None) -> bool:
    """Return whether what is asked for is what the numpy engine does: float32 on the CPU, also by default."""
    return device in ("auto", "cpu") and dtype in ("auto", "float32") and quantize is None
