"""Two small vocabularies, one as PEGASUS builds them, one without ``<n>``."""

from pathlib import Path

import pytest
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

from tests.model.vocabularies import train_published_vocabulary, train_vocabulary


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_published_vocabulary(tmp_path_factory.mktemp("vocabulary") / "spiece.model")


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
