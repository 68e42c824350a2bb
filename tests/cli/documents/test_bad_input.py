"""Input that cannot be used: one clear line on stderr, the documented exit code, nothing on stdout."""

import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest
from fpdf.enums import EncryptionMethod

from bbp_cli.documents.document import parse, read
from bbp_cli.errors import InputError
from tests.cli.pdfs import make_pdf
from tests.cli.process import command
from tests.conftest import Bbp

PROSE = "The lighthouse was built in 1821 and its keeper wrote a diary. It tells of storms and of ships."
KEEPER = "Every day the keeper lit the lamp and wrote down the wind."
PAGES = [
    "The survey began in spring and went on until the first snow.",
    "It found forty kinds of moss.",
    "Thanks.",
]

BAD_FILES = {
    "empty": (b"", "empty file"),
    "white space": (b" \n\t\n \x0c\n", "no text"),
    "a word": (b"Hello.\n", "almost no text"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "a PNG image"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(range(256)) * 20, "a gzip file"),
    "word file": (b"PK\x03\x04" + bytes(range(256)) * 20, "damaged file"),
    "random bytes": (bytes((i * 7919 + i // 3) % 256 for i in range(5000)), "a binary file"),
    "nul bytes": (PROSE.encode() + b"\x00\x00" + PROSE.encode(), "NUL at position"),
    "control characters": (b"\x01\x02\x03\x04 abc \x05\x06\x07" * 40, "a binary file"),
    "blank pages": (make_pdf(["", "", ""]), "no text on pages 1-3: blank"),
    "blank page": (make_pdf([""]), "no text on page 1: blank"),
    "locked pdf": (make_pdf(PAGES, password="user"), "password"),
    "locked pdf, old cipher": (make_pdf(PAGES, password="user", method=EncryptionMethod.RC4), "password"),
    "truncated pdf": (make_pdf(PAGES)[:-200], "cut off"),
    "pdf cut in half": (make_pdf(PAGES)[: len(make_pdf(PAGES)) // 2], "cut off"),
    "broken pdf": (b"%PDF-1.7\n" + bytes(range(256)) * 8 + b"\n%%EOF\n", "damaged PDF"),
    "pdf without pages": (
        make_pdf([" "]).replace(b"/Count 1", b"/Count 0").replace(b"/Kids [", b"/Nope ["),
        "PDF",
    ),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_an_unusable_file_ends_with_3_and_one_line(kind: str, bbp: Bbp, tmp_path: Path) -> None:
    content, message = BAD_FILES[kind]
    (tmp_path / "input").write_bytes(content)
    done = bbp("summarize", "input")
    assert done.code == 3
    assert done.stdout == ""
    assert done.stderr.startswith("bbp: error: input: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


NOISE = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(100))
PAGE = b"<!DOCTYPE html><html><head><title>Error</title></head><body><p>No such page was found.</p></body>"
BINARY = "a binary file, which bbp does not read"
NO_PDF = "not a PDF, though its name says so: "
NO_TEXT = (
    f"{NO_PDF}neither that nor UTF-8 text"
    " (download or copy it again; if it is text, --encoding NAME reads it)"
)
MISNAMED = {
    "noise.pdf": (NOISE, f"{NO_PDF}a binary file: NUL at position "),
    "short noise.pdf": (
        b"\x95\xe4\x8d\xa2\xc3\x28\xfe",
        NO_TEXT,
    ),
    "one byte.pdf": (
        b"\xff" * 3000,
        NO_TEXT,
    ),
    "two encodings.PDF": (
        b"Ein Caf\xe9, zwei Caf\xe9s.\n" * 3,
        NO_TEXT,
    ),
    "noise behind a mark.pdf": (b"\xff\xfe" + NOISE, f"{NO_PDF}{BINARY}"),
    "noise behind a long mark.pdf": (b"\xff\xfe\0\0" + NOISE, f"{NO_PDF}{BINARY}"),
    "noise behind a mark.txt": (b"\xfe\xff" + NOISE, BINARY),
    "noise behind a mark.epub": (b"\xfe\xff" + NOISE, f"not an EPUB book, though its name says so: {BINARY}"),
    "noise.docx": (NOISE, "not a Word file, though its name says so: a binary file: NUL"),
    "zeros.pdf": (bytes(4000), f"{NO_PDF}a binary file: NUL at position 0 (download or copy it again)"),
    "image.pdf": (b"GIF89a" + NOISE, f"{NO_PDF}a GIF image, which bbp does not read"),
    "zip.pdf": (b"PK\x03\x04" + NOISE, f"{NO_PDF}damaged file"),
    "answer.pdf": (b'{"status": 404}', f"{NO_PDF}reads like JSON, not prose"),
    "word.pdf": (b"Gone.", f"{NO_PDF}almost no text"),
    "end.pdf": (make_pdf(PAGES)[300:], "the beginning of the PDF is missing (download or copy it again)"),
    "nothing.pdf": (b"", "empty file"),
    "begun.pdf": (b"%PDF-1.7\n", "the PDF is cut off: its end is missing"),
}


@pytest.mark.parametrize("name", MISNAMED)
def test_a_file_that_is_not_what_its_name_says_is_reported_as_what_it_is(name: str, tmp_path: Path) -> None:
    content, message = MISNAMED[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(str(tmp_path / name))
    line = f"{caught.value.message} ({caught.value.hint})"
    assert line.startswith(message)
    assert "UTF-16" not in line


def test_text_under_the_name_of_a_pdf_is_read_in_the_encoding_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(MISNAMED["two encodings.PDF"][0] * 20)
    assert read(str(tmp_path / "a.pdf"), "latin-1").text.startswith("Ein Caf\xe9, zwei")


@pytest.mark.parametrize(
    ("name", "content", "kind", "called"),
    [
        ("page.pdf", PAGE, "a PDF", "a web page"),
        ("page.docx", PAGE, "a Word file", "a web page"),
        ("text.pdf", PROSE.encode(), "a PDF", "plain text"),
        ("text.pdf", PROSE.encode("utf-16"), "a PDF", "plain text"),
        ("data.pdf", b'{"text": "' + PROSE.encode() + b'"}', "a PDF", "application/json"),
    ],
)
def test_text_under_the_name_of_another_format_is_read_with_a_warning(
    name: str, content: bytes, kind: str, called: str
) -> None:
    document = parse(content, name)
    assert document.warnings[0] == f"not {kind}, though its name says so: read as {called}"
    assert parse(content, "-").text == document.text


def test_text_of_a_named_encoding_is_read_whatever_its_file_is_called() -> None:
    document = parse("Drei Cafés öffnen.".encode("cp1252"), "text.pdf", "cp1252")
    assert document.text == "Drei Cafés öffnen."


def test_a_pdf_under_another_name_is_read(bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "survey.docx").write_bytes(make_pdf(PAGES))
    done = bbp("extract", "survey.docx")
    assert (done.code, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", ["empty", "random bytes", "locked pdf"])
def test_bad_stdin_is_reported_as_a_bad_file(kind: str, bbp: Bbp) -> None:
    content, _ = BAD_FILES[kind]
    done = bbp("summarize", stdin=content)
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr.startswith("bbp: error: stdin: ")
    assert done.stderr.count("\n") == 1


def test_a_missing_file_is_named(bbp: Bbp) -> None:
    done = bbp("summarize", "nowhere.txt")
    assert (done.code, done.stdout, done.stderr) == (3, "", "bbp: error: nowhere.txt: no such file\n")


@pytest.mark.parametrize("address", ["https://example.org/a.pdf", "http://example.org/?a=1&b=2"])
def test_a_web_address_is_not_read_and_the_hint_says_how(address: str, bbp: Bbp) -> None:
    done = bbp("summarize", address)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert re.search(f"curl -s '?{re.escape(address)}'? \\| bbp summarize", done.stderr)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/urandom"])
def test_an_endless_device_is_refused(device: str, bbp: Bbp) -> None:
    if not Path(device).exists():
        pytest.skip(f"there is no {device} here")
    done = bbp("summarize", device)
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr == f"bbp: error: {device}: a device, not a document\n"


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="needs /dev/null")
def test_the_empty_device_is_an_empty_file(bbp: Bbp) -> None:
    done = bbp("summarize", "/dev/null")
    assert (done.code, done.stderr) == (3, "bbp: error: /dev/null: empty file\n")


def test_a_fifo_and_the_name_of_stdin_are_read(bbp: Bbp, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["/bin/sh", "-c", 'printf %s "$1" > "$0"', str(fifo), PROSE]):
        assert bbp("extract", "fifo").stdout.strip() == PROSE
    assert bbp("extract", "/dev/stdin", stdin=PROSE.encode()).stdout.strip() == PROSE


def test_a_name_with_line_breaks_and_bytes_is_reported_on_one_line(bbp: Bbp) -> None:
    done = bbp("summarize", "two\nlines\x1b[31m\udcff.txt")
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr == "bbp: error: two\\nlines\\x1b[31m\\xff.txt: no such file\n"


def test_a_folder_without_documents_is_an_input_error(bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "folder/deep").mkdir(parents=True)
    (tmp_path / "folder/.hidden.txt").write_text(PROSE)
    done = bbp("summarize", "folder")
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr.startswith("bbp: error: folder: no readable files in this folder")


def test_a_file_that_cannot_be_opened_is_an_input_error(bbp: Bbp, tmp_path: Path) -> None:
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    done = bbp("summarize", "loop.txt")
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr.startswith("bbp: error: loop.txt: cannot be read: Too many levels of symbolic links")


def test_a_folder_given_as_a_list_is_an_input_error(bbp: Bbp, tmp_path: Path) -> None:
    done = bbp("summarize", "--files-from", str(tmp_path))
    assert (done.code, done.stdout) == (3, "")
    assert "the list of files cannot be read: Is a directory" in done.stderr


@pytest.mark.parametrize(
    ("password", "method"),
    [("", EncryptionMethod.AES_256), ("", EncryptionMethod.AES_128), ("", EncryptionMethod.RC4)],
)
def test_a_pdf_encrypted_with_an_empty_password_is_read(
    password: str, method: EncryptionMethod, bbp: Bbp
) -> None:
    done = bbp("extract", stdin=make_pdf(PAGES, password=password, method=method))
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.split() == " ".join(PAGES).split()


def test_a_pdf_with_some_pages_without_text_is_read_and_they_are_named(bbp: Bbp) -> None:
    done = bbp("extract", stdin=make_pdf([PAGES[0], "", PAGES[1], "", ""]))
    assert done.code == 0
    assert PAGES[1] in done.stdout
    assert done.stderr == "bbp: warning: stdin: no text on pages 2, 4-5: blank\n"


def test_a_pdf_with_missing_pages_has_a_warning(bbp: Bbp) -> None:
    content = make_pdf(PAGES)
    done = bbp("extract", stdin=content.replace(b"/Count 3", b"/Count 7"))
    assert done.code == 0
    assert "damaged PDF: only 3 of 7 pages could be found" in done.stderr


def test_invalid_utf8_is_read_with_a_warning(bbp: Bbp) -> None:
    done = bbp("extract", stdin="Das Café öffnet täglich um neun Uhr für jeden Gast.".encode("cp1252"))
    assert (done.code, done.stdout) == (0, "Das Café öffnet täglich um neun Uhr für jeden Gast.\n")
    assert done.stderr.startswith("bbp: warning: stdin: not UTF-8; read as cp1252")


def test_lone_surrogates_are_replaced_with_a_warning(bbp: Bbp) -> None:
    text = "Half a character \ud83d stands here, and half another one \udcff there."
    done = bbp("extract", stdin=text.encode("utf-8", "surrogatepass"))
    assert (done.code, done.stdout) == (
        0,
        text.replace("\ud83d", "\ufffd").replace("\udcff", "\ufffd") + "\n",
    )
    assert done.stderr == "bbp: warning: stdin: not quite UTF-8: 2 undecodable places read as U+FFFD\n"


def test_text_that_is_not_in_the_named_encoding_is_an_input_error(bbp: Bbp) -> None:
    done = bbp("extract", "--encoding", "euc-jp", stdin=b"This is no Japanese at all: \xff\xfe")
    assert (done.code, done.stdout) == (3, "")


def test_closed_stdin_is_no_input(bbp: Bbp, tmp_path: Path, environment: dict[str, str]) -> None:

    shell = f"exec {' '.join(command('summarize'))} <&-"
    done = subprocess.run(
        ["sh", "-c", shell], capture_output=True, cwd=tmp_path, env=environment, check=False
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"Usage: bbp summarize")


def fifty_megabytes() -> bytes:
    paragraphs = f"{PROSE}\n\n{KEEPER}\n\n"
    return (paragraphs * (50_000_000 // len(paragraphs) + 1)).encode()


def test_fifty_megabytes_are_read_in_bounded_memory(tmp_path: Path, environment: dict[str, str]) -> None:
    content = fifty_megabytes()
    (tmp_path / "big.txt").write_bytes(content)
    script = f"ulimit -v 1000000; exec {' '.join(command('extract', 'big.txt'))}"  # kilobytes
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, cwd=tmp_path, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == content


def test_fifty_megabytes_are_split_encoded_and_begun(warm_bbp: Bbp) -> None:
    # With a length in percent all of the text is read, though only its beginning is chosen from.
    done = warm_bbp("summarize", "--json", "--truncate", "--length", "10%", stdin=fifty_megabytes())
    assert done.code == 0
    assert done.records[0]["source"]["chars"] > 50_000_000
    assert done.records[0]["coverage"]["tokens_total"] > 5_000_000
    texts = [sentence["text"] for sentence in done.records[0]["sentences"]]
    assert done.records[0]["summary"] == " ".join(texts) != ""
    assert set(texts) <= {f"{text}." for text in PROSE.removesuffix(".").split(". ")} | {KEEPER}


@pytest.mark.slow
def test_fifty_megabytes_are_summarized(warm_bbp: Bbp) -> None:
    done = warm_bbp("summarize", "--json", stdin=fifty_megabytes())
    assert done.code == 0
    coverage = done.records[0]["coverage"]
    assert coverage["tokens_read"] == coverage["tokens_total"]
    assert PROSE.split(". ")[0] in done.stdout
