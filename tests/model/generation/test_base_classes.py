"""The published base classes of processors and criteria do nothing by themselves, and say so."""

import pytest
import torch
from bigbird_pegasus import LogitsProcessor, StoppingCriteria

IDS, SCORES = torch.zeros(1, 2, dtype=torch.long), torch.zeros(1, 5)


def test_a_processor_or_criterion_without_a_call_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="a logits processor overwrites __call__"):
        LogitsProcessor()(IDS, SCORES)
    with pytest.raises(NotImplementedError, match="a stopping criterion overwrites __call__"):
        StoppingCriteria()(IDS, SCORES)
