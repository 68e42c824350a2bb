# ruff: noqa: E501, RUF001 - texts in many languages
"""Texts of a few sentences in many encodings are read right, or refused with the encodings that fit."""

import pytest

from bbp_cli.documents.code_pages import SAMPLE_BYTES, guess_encoding, sample_of
from bbp_cli.documents.encodings import decode, known_encoding
from bbp_cli.errors import InputError

TEXTS = {
    "cs": (
        "Starý přístav byl rok uzavřen, zatímco se přestavovalo nábřeží. Lodě musely používat ústí"
        " řeky, které je úzké."
    ),
    "sk": (
        "Starý prístav bol rok zatvorený, kým sa prestavovalo nábrežie. Lode museli používať ústie"
        " rieky, ktoré je úzke."
    ),
    "pl": (
        "Stary port był zamknięty przez rok, gdy przebudowywano nabrzeże. Łodzie musiały używać"
        " ujścia rzeki, które jest wąskie."
    ),
    "hu": (
        "A régi kikötőt egy évre bezárták, amíg a rakpartot újjáépítették. A hajóknak a folyó"
        " torkolatát kellett használniuk, amely szűk."
    ),
    "hr": (
        "Stara luka bila je zatvorena godinu dana dok se obnavljala obala. Brodovi su morali"
        " koristiti ušće rijeke, koje je usko i teško."
    ),
    "sl": (
        "Staro pristanišče je bilo eno leto zaprto, medtem ko so obnavljali obalo. Ladje so morale"
        " uporabljati ustje reke, ki je ozko in težko."
    ),
    "ro": (
        "Portul vechi a fost închis timp de un an, în timp ce cheiul era reconstruit. Bărcile"
        " trebuiau să folosească gura râului, care este îngustă."
    ),
    "tr": (
        "Eski liman, rıhtım yeniden yapılırken bir yıl kapalı kaldı. Tekneler dar olan nehir"
        " ağzını kullanmak zorundaydı. İlk feribot öğlen geldi."
    ),
    "lt": (
        "Senasis uostas metus buvo uždarytas, kol buvo perstatoma krantinė. Laivai turėjo naudotis"
        " upės žiotimis, kurios yra siauros."
    ),
    "lv": (
        "Vecā osta gadu bija slēgta, kamēr tika pārbūvēta piestātne. Laivām bija jāizmanto upes"
        " grīva, kas ir šaura un grūti iebraucama."
    ),
    "de": (
        "Der alte Hafen war ein Jahr lang geschlossen, während der Kai umgebaut wurde. Die Boote"
        " mussten die Mündung des Flusses benutzen, die für größere Schiffe schmal ist."
    ),
    "fr": (
        "Le vieux port a été fermé pendant un an, le temps de reconstruire le quai. Les bateaux"
        " devaient passer par l'embouchure du fleuve, qui est étroite."
    ),
    "es": (
        "El viejo puerto estuvo cerrado un año mientras se reconstruía el muelle. Los barcos"
        " tenían que usar la desembocadura del río, que es muy pequeña."
    ),
    "en": "The “quick” fox, naïve as ever, jumped over the lazy dog of the café — twice.",
    "ru": (
        "Старый порт был закрыт на год, пока перестраивали набережную. Лодки должны были"
        " пользоваться устьем реки, которое узкое."
    ),
    "uk": (
        "Старий порт був закритий на рік, поки перебудовували набережну. Човни мусили"
        " користуватися гирлом річки, яке є вузьким."
    ),
    "el": (
        "Το παλιό λιμάνι έμεινε κλειστό για έναν χρόνο, ενώ η προβλήτα ξαναχτιζόταν. Τα πλοία"
        " έπρεπε να χρησιμοποιούν τις εκβολές του ποταμού."
    ),
    "he": (
        "הנמל הישן היה סגור במשך שנה בזמן שהמזח נבנה מחדש. הסירות נאלצו להשתמש בשפך הנהר, שהוא צר"
        " וקשה לכניסה."
    ),
    "ar": (
        "كان الميناء القديم مغلقا لمدة عام بينما أعيد بناء الرصيف. كان على القوارب استخدام مصب"
        " النهر وهو ضيق ويصعب الدخول إليه."
    ),
    "th": ("ท่าเรือเก่าปิดเป็นเวลาหนึ่งปีในขณะที่ท่าเทียบเรือถูกสร้างขึ้นใหม่ เรือต้องใช้ปากแม่น้ำซึ่งแคบและเข้าได้ยาก"),
    "ja": "昨日、私たちは新鮮な果物と野菜を買うために店に行きましたが、すでに閉まっていました。",
    "zh": "昨天我们去商店买新鲜的水果和蔬菜，但是已经关门了。为什么世界这么美丽？",
    "zh-Hant": "昨天我們去商店買新鮮的水果和蔬菜，但是已經關門了。為什麼世界這麼美麗？",
    "ko": "어제 우리는 신선한 과일과 채소를 사러 가게에 갔지만 이미 문을 닫았습니다. 항구는 일 년 동안 닫혀 있었다.",
}
ENCODINGS = {
    **dict.fromkeys(("cs", "sk", "pl", "hu", "hr", "sl"), ("cp1250", "iso8859-2")),
    "tr": ("cp1254", "iso8859-9"),
    "lt": ("cp1257", "iso8859-13"),
    "lv": ("cp1257", "iso8859-13"),
    **dict.fromkeys(("de", "fr", "es"), ("cp1252", "iso8859-1", "iso8859-15", "mac-roman", "cp850")),
    "en": ("cp1252", "mac-roman"),
    "ru": ("cp1251", "koi8-r", "iso8859-5", "cp866"),
    "uk": ("cp1251", "koi8-u", "iso8859-5"),
    "el": ("cp1253", "iso8859-7"),
    "he": ("cp1255", "iso8859-8"),
    "ar": ("cp1256", "iso8859-6"),
    "th": ("tis-620",),
    "ja": ("shift_jis", "euc-jp", "iso2022_jp"),
    "zh": ("gb18030",),
    "zh-Hant": ("big5",),
    "ko": ("euc-kr",),
}


@pytest.mark.parametrize(
    ("language", "encoding"), [(language, name) for language, names in ENCODINGS.items() for name in names]
)
def test_a_few_sentences_are_read_right(language: str, encoding: str) -> None:
    decoded = decode(TEXTS[language].encode(encoding))
    assert decoded.text == TEXTS[language]
    assert "which is a guess" in decoded.warnings[0]


def test_a_text_that_fits_two_encodings_is_refused_with_both() -> None:
    words = "Вчера мы ходили в магазин, чтобы купить свежие фрукты и овощи, но он был уже закрыт."
    with pytest.raises(InputError, match="mac-cyrillic or cp1251") as refused:
        decode(words.encode("mac-cyrillic"))
    assert refused.value.hint == "name it, for example --encoding mac-cyrillic"
    assert refused.value.code == "undecodable"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("It costs £5 and the dog’s name is Rex, said the old man by the sea.", "cp1252"),
        ("François went to the café to read.", "cp1252"),
        ("Temperature is 20°C today and the sun is out; tomorrow it will rain.", "cp1252"),
        ("Müller and Sørensen met in Malmö to talk about the harbour and its quay.", "cp1252"),
        ("Zażółć gęślą jaźń.", "cp1250"),
    ],
)
def test_few_letters_beyond_ascii_are_enough(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)).text == text


@pytest.mark.parametrize("unit", ["Café au lait, à la carte. ", "Café-au-lait"])
def test_a_text_without_line_breaks_is_read_whole(unit: str) -> None:
    text = unit * (3 * SAMPLE_BYTES // len(unit))
    assert decode(text.encode("cp1252")).text == text


def test_a_sample_ends_with_a_line_or_a_word() -> None:
    assert sample_of(b"a" * SAMPLE_BYTES) == b"a" * SAMPLE_BYTES
    assert sample_of(b"one two\nthree " * SAMPLE_BYTES).endswith(b"one two")
    assert sample_of(b"one two " * SAMPLE_BYTES)[-3:] in (b"one", b"two")
    assert len(sample_of(b"a" * 2 * SAMPLE_BYTES)) == SAMPLE_BYTES


def test_bytes_that_fit_no_language_give_no_guess() -> None:
    assert guess_encoding(b"A line of text with words. " * 99 + bytes(range(128, 256))) is None


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("windows-1250", "cp1250"),
        ("ISO-8859-1", "cp1252"),
        ("us-ascii", "cp1252"),
        ("gb2312", "gb18030"),
        ("utf-8", None),
        ("base64", None),
        ("no-such", None),
        (None, None),
    ],
)
def test_declared_encodings_mean_what_browsers_make_of_them(label: str | None, name: str | None) -> None:
    assert known_encoding(label) == name


@pytest.mark.parametrize(
    ("coloured", "plain"),
    [
        ("\x1b[32mgreen\x1b[0m words \x1b[1;38;5;12mhere\x1b[K", "green words here"),
        ("\x1b]0;title\x07words \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "words link"),
        ("\x1b(Bwords\x1b= here\x1bM", "words here"),
        ("N\x08NA\x08AM\x08ME\x08E _\x08ba_\x08b", "NAME bab"),
        ("\x9b31mred\x9b0m words", "red words"),
    ],
)
def test_escapes_of_terminals_vanish_whole(coloured: str, plain: str) -> None:
    assert decode(coloured.encode()).text == plain
