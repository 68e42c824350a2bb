# ruff: noqa: E501 - tokens are kept close together
"""10,000 documents of all formats, each damaged somewhere, are read or refused in one clear line.

    python -m pytest -m slow tests/cli/documents/test_mutated_documents.py

Damage is drawn by the name of the document and its number, so that a failure is found again. No exception
is outside the error tree, no document takes more than 20 seconds of processor time or 300 MB.
"""

import io
import random
import signal
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.sentence_filter import eligible_sentences

from bbp_cli.documents.document import parse
from bbp_cli.errors import InputError
from tests.cli.documents.samples import package, samples

SAMPLES = samples()
DOCUMENTS = 10_000
PER_SAMPLE = -(-DOCUMENTS // len(SAMPLES))
TIME_S = 20  # of the processor for one document
GROWTH_BYTES = 300 << 20
TOKENS = (
    b"<", b"</", b"<!--", b"]]>", b"<![CDATA[", b"&#x110000;", b"&amp;", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1b[31m", b"\x08",
    b"\r", b"\n\n", b"\t", b"{", b"}", b"\\", b"$", b"(", b")", b"[", b"]", b'"', b"'", b"99999999999999999999", b"-1", b"1e999",
    b"endobj", b"stream", b"endstream", b"%%EOF", b"/Kids", b"<<", b">>", b"obj", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"-->",
    b"From ", b"Content-Type: multipart/mixed; boundary=a\n", b"=?utf-8?q?", b"\\begin{", b"```", b"\xe2\x80\xae",
    b"PK\x03\x04", b"\\u-99999", b"\\bin999", b"<v ", b"00:00:00.000 --> ", b"[1]", b": ", b"> ", b"|", b"\xa0", b"\x85", b"\xe2\x80\xa8",
)  # fmt: skip


def damaged(data: bytes, draw: random.Random) -> bytes:
    """Return bytes with one to six faults."""
    result = bytearray(data)
    for _ in range(draw.randint(1, 6)):
        start = draw.randrange(len(result) + 1)
        end = min(len(result), start + int(draw.expovariate(1 / 30)))
        match draw.randrange(8):
            case 0:
                result[start:end] = b""
            case 1:
                result[start:end] = draw.randbytes(end - start)
            case 2:
                result[start:start] = draw.choice(TOKENS)
            case 3:
                result[start:end] = draw.choice(TOKENS)
            case 4:
                result[start:start] = (bytes(result[start:end]) or b"a") * draw.choice((2, 10, 300))
            case 5:
                result[start:start] = draw.choice(TOKENS) * draw.choice((3, 100, 3000))
            case 6:
                del result[start if draw.random() < 0.1 else len(result) :]
            case _:
                other = SAMPLES[draw.choice(sorted(SAMPLES))]
                place = draw.randrange(len(other))
                result[start:start] = other[place : place + draw.randint(1, 3000)]
    return bytes(result)


def damaged_document(name: str, number: int) -> bytes:
    """Return a damaged sample; of a ZIP file either the file is damaged, or a member before it is packed."""
    draw = random.Random(f"{name} {number}")
    data = SAMPLES[name]
    if not data.startswith(b"PK\x03\x04") or draw.random() < 0.3:
        return damaged(data, draw)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    chosen = draw.randrange(len(members))
    members[chosen] = (members[chosen][0], damaged(members[chosen][1], draw))
    return package(members)


class Hang(BaseException):
    """A document takes too much time; no `except Exception` may swallow it."""


@contextmanager
def bounded() -> Iterator[None]:
    """Raise Hang behind so much processor time; regular expressions look for signals too."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, TIME_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def check_error(error: InputError) -> None:
    """Check that an error is one line."""
    assert error.message
    assert "\n" not in error.message


def read(data: bytes, name: str) -> bool:
    """Read a document up to its sentences; return whether it was read, not refused."""
    try:
        document = parse(data, name)
    except InputError as error:
        check_error(error)
        return False
    document.text.encode()  # no lone surrogates
    text = parse_text(document.running_text)
    assert len(eligible_sentences(text, text.sentences)) == len(text.sentences)
    return True


def grown_bytes(work: Callable[[], object]) -> int:
    """Return by how much the peak of memory rose while something was done."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no timer of processor time, no peak of memory")
@pytest.mark.parametrize("name", SAMPLES)
def test_damaged_documents_are_read_or_refused(name: str) -> None:
    for number in range(PER_SAMPLE):
        data = damaged_document(name, number)
        try:
            with bounded():
                grown = grown_bytes(lambda data=data: read(data, name))  # type: ignore[misc]
        except BaseException as error:
            error.add_note(f"damaged_document({name!r}, {number})")
            raise
        assert grown < GROWTH_BYTES, f"damaged_document({name!r}, {number}) grew by {grown >> 20} MB"


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_themselves_are_read(name: str) -> None:
    assert read(SAMPLES[name], name)
