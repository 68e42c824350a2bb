"""The published base classes of processors and criteria do nothing by themselves, and say so."""

import pytest
import torch
from bigbird_pegasus import LogitsProcessor, StoppingCriteria
from bigbird_pegasus.modeling.layers import Attention

IDS, SCORES = torch.zeros(1, 2, dtype=torch.long), torch.zeros(1, 5)


def test_a_processor_or_criterion_without_a_call_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="a logits processor overwrites __call__"):
        LogitsProcessor()(IDS, SCORES)
    with pytest.raises(NotImplementedError, match="a stopping criterion overwrites __call__"):
        StoppingCriteria()(IDS, SCORES)


@pytest.mark.parametrize("name", ["inputs", "out"])
def test_attention_without_names_of_projections_is_refused(name: str) -> None:
    with pytest.raises(NotImplementedError, match="encoder and decoder name their own projections"):
        getattr(Attention(heads=2), name)
