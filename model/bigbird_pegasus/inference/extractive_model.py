"""A model that chooses sentences, ready to run, whichever engine runs its encoder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.inference.numpy_functions import Floats, NetworkWeights
from bigbird_pegasus.modeling.general_scorer import GeneralScorer
from bigbird_pegasus.text.windows import EncodedText, Window

EncodeWindows = Callable[[Sequence[tuple[EncodedText, Window]]], list[Floats]]
"""Windows to vectors of the sentences of each, float32 (L, D), NaN for a sentence without tokens."""


@dataclass(frozen=True)
class ExtractiveModel:
    """The encoder as a function, and the weights of the small networks (`inference.sentence_networks`).

    `dtype` and `device` are the encoder's, by torch's names; `quantization` is its scheme, or None.
    """

    config: BigBirdPegasusConfig
    encode_windows: EncodeWindows
    scorer: NetworkWeights
    selector: NetworkWeights
    dtype: str
    device: str
    quantization: str | None = None
    general_scorer: GeneralScorer | None = None
