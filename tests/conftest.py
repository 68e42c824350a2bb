"""Fixtures that several rooms of the tests share."""

import os
from pathlib import Path

import pytest

# One thread for each process of the tests, set before torch is imported: they share the cores, and what a
# fixture trains then comes out the same whatever their number.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).resolve().parents[1]


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
