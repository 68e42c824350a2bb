"""Two small vocabularies, one as PEGASUS builds them, one without ``<n>``."""

from pathlib import Path

import pytest
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

from tests.model.vocabularies import train_vocabulary


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``<pad>`` 0, ``</s>`` 1, ``<unk>`` 2; ``<s>``, ``<n>`` and ``[MASK]`` user-defined, as published."""
    return train_vocabulary(
        tmp_path_factory.mktemp("vocabulary") / "spiece.model",
        vocab_size=100,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        user_defined_symbols=["<s>", "<n>", "[MASK]"],
    )


@pytest.fixture(scope="module")
def plain_vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_vocabulary(
        tmp_path_factory.mktemp("plain") / "spiece.model",
        vocab_size=80,
        pad_id=3,
        eos_id=2,
        unk_id=1,
        bos_id=0,
    )


@pytest.fixture(scope="module")
def tokenizer(vocabulary: Path) -> PegasusTokenizer:
    return PegasusTokenizer(vocabulary, offset=0, mask_token="[MASK]", mask_token_sent=None)
