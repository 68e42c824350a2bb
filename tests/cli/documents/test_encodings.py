"""Bytes of text files become text: which encoding wins, and what is said about it."""

import codecs

import pytest

from bbp_cli.documents.encodings import check_encoding, decode, join_surrogates, looks_like_text
from bbp_cli.errors import InputError, UsageError

ENGLISH = "The “quick” fox, naïve as ever, jumped over the lazy dog of the café — twice.\n"
RUSSIAN = "Вчера мы ходили в магазин, чтобы купить свежие фрукты и овощи, но он был уже закрыт.\n"
JAPANESE = "昨日、私たちは新鮮な果物と野菜を買うために店に行きましたが、すでに閉まっていました。\n"


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_decides_and_is_not_part_of_the_text(mark: bytes, encoding: str) -> None:
    decoded = decode(mark + ENGLISH.encode(encoding), "latin-1")
    assert decoded.text == ENGLISH
    assert encoding.startswith(decoded.encoding)
    assert decoded.warnings == ()


def test_utf8_needs_no_word_about_it() -> None:
    assert decode(RUSSIAN.encode()).encoding == "utf-8"
    assert decode(RUSSIAN.encode()).warnings == ()


def test_strict_utf8_goes_before_the_named_encoding() -> None:
    assert decode(RUSSIAN.encode(), "latin-1").text == RUSSIAN


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "iso2022_jp", "utf-32-le"])
def test_the_named_encoding_wins_where_its_bytes_only_look_like_utf8(encoding: str) -> None:
    text = JAPANESE if encoding == "iso2022_jp" else "Plain English text.\n"
    assert decode(text.encode(encoding), encoding).text == text


def test_the_named_encoding_needs_no_warning() -> None:
    decoded = decode(RUSSIAN.encode("koi8-r"), "koi8-r")
    assert (decoded.text, decoded.encoding, decoded.warnings) == (RUSSIAN, "koi8-r", ())


def test_bytes_that_the_named_encoding_lacks_are_an_error() -> None:
    with pytest.raises(InputError, match="byte 3 cannot be decoded"):
        decode(b"abc\xff\xff\xffdef", "shift_jis")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (ENGLISH, "cp1252"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        ("昨天我们去商店买新鲜的水果和蔬菜，但是已经关门了。为什么世界这么美丽？\n", "gb18030"),  # noqa: RUF001 - Chinese
        ("Zażółć gęślą jaźń. Wczoraj poszliśmy do sklepu, żeby kupić świeże owoce i warzywa.\n", "cp1250"),
    ],
)
def test_common_encodings_are_guessed_with_a_warning(text: str, encoding: str) -> None:
    decoded = decode(text.encode(encoding))
    assert decoded.text == text
    assert f"read as {decoded.encoding}, which is a guess" in decoded.warnings[0]


def test_bytes_no_detector_knows_are_read_as_cp1252() -> None:
    decoded = decode(b"A line of text with words. " * 99 + bytes(range(128, 256)) + b" are odd bytes")
    assert decoded.encoding == "cp1252"
    assert "\ufffd" in decoded.text


def test_a_guess_that_holds_for_the_beginning_only_does_not_fail() -> None:
    decoded = decode((JAPANESE * 800).encode("shift_jis") + b"\n\x81 end \xff")
    assert decoded.warnings


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_recognised(encoding: str) -> None:
    decoded = decode(ENGLISH.encode(encoding))
    assert (decoded.text, decoded.encoding) == (ENGLISH, encoding)
    assert decoded.warnings == (f"no byte order mark; read as {encoding}",)


def test_utf8_cut_inside_a_character_stays_utf8() -> None:
    decoded = decode("The menu of the café".encode()[:-1])
    assert decoded.text == "The menu of the caf\ufffd"
    assert decoded.warnings == ("not quite UTF-8: 1 undecodable place read as U+FFFD",)


def test_utf8_with_few_bad_bytes_stays_utf8() -> None:
    decoded = decode(RUSSIAN.encode() + b"\xff\xfe\n" + RUSSIAN.encode())
    assert decoded.text.count(RUSSIAN) == 2
    assert decoded.encoding == "utf-8"


def test_surrogate_pairs_written_as_utf8_become_their_character() -> None:
    assert decode("😀 smiles".encode("utf-16-le").decode("utf-16-le").encode()).text == "😀 smiles"
    assert decode(b"\xed\xa0\xbd\xed\xb8\x80 smiles").text == "😀 smiles"


def test_lone_surrogates_become_the_replacement_character() -> None:
    assert join_surrogates("a\ud800b\udcffc") == "a\ufffdb\ufffdc"
    assert join_surrogates("nothing here") == "nothing here"


def test_line_ends_become_newlines() -> None:
    assert decode(b"one\r\ntwo\rthree\nfour").text == "one\ntwo\nthree\nfour"


def test_nul_is_refused_with_its_place() -> None:
    with pytest.raises(InputError, match="NUL at position 7"):
        decode(b"letters\x00more letters")


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        ("WordDocument", r"an old Word file \(.doc\), which bbp does not read"),
        ("PowerPoint Document", r"an old PowerPoint file \(.ppt\)"),
        ("Workbook", r"an old Excel workbook \(.xls\), not prose"),
        ("Book", r"an old Excel workbook \(.xls\), not prose"),
        ("__substg1.0_0037001F", r"an Outlook message \(.msg\)"),
        ("EncryptedPackage", "an Office file that asks for a password"),
        ("Something", "an old Microsoft Office file"),
    ],
)
def test_compound_files_are_refused_with_what_they_hold(stream: str, message: str) -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5000) + stream.encode("utf-16-le") + bytes(100)
    assert not looks_like_text(data)
    with pytest.raises(InputError, match=message) as refused:
        decode(data)
    assert refused.value.hint


def test_unknown_encodings_are_usage_errors() -> None:
    check_encoding(None)
    check_encoding("cp1252")
    for name in ("no-such-code", "base64", "rot13", "a\x00b"):
        with pytest.raises(UsageError, match="unknown encoding"):
            check_encoding(name)


def test_text_files_are_recognized_by_their_first_bytes() -> None:
    assert looks_like_text(b"words")
    assert looks_like_text(codecs.BOM_UTF16_LE + "words".encode("utf-16-le"))
    assert not looks_like_text(b"\x89PNG\r\n\x1a\n")
    assert not looks_like_text(b"words\x00words")
