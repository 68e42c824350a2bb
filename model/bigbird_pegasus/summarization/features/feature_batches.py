"""Features of several documents as a batch of tensors: for training, in torch."""

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from bigbird_pegasus.summarization.features.sentence_features import SentenceFeatures


def feature_inputs(documents: Sequence[SentenceFeatures]) -> dict[str, Tensor]:
    """Return the arguments of a model for some documents, filled up to the same number of sentences."""

    def filled(arrays: Sequence[NDArray[Any]]) -> Tensor:
        return pad_sequence([torch.from_numpy(array) for array in arrays], batch_first=True)

    return {
        "features": filled([document.dense for document in documents]),
        "grams": torch.cat([torch.from_numpy(document.grams) for document in documents]),
        "gram_counts": filled([document.gram_counts for document in documents]),
        "headings": torch.cat([torch.from_numpy(document.headings) for document in documents]),
        "heading_counts": filled([document.heading_counts for document in documents]),
    }
