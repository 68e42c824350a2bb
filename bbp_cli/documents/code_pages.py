# ruff: noqa: RUF001 - signs and letters of other languages are meant
"""Which encoding bytes that are not UTF-8 are in: chardet's statistics of letters, then alphabets.

chardet (0BSD) compares pairs of bytes with those of many languages and names candidates that are often
nearly equal: Windows-1250 and ISO 8859-2 differ in a dozen letters. Between those the alphabet of the
language decides: Czech has no `ą`, and English has no `í` where an apostrophe is meant.
"""

import codecs
import itertools
import re
import unicodedata
from dataclasses import dataclass

SAMPLE_BYTES = 65_536  # that a guess looks at
UNSURE = 0.97  # of the best score: what is above fits as well
MIN_USUAL = 0.5  # of the characters beyond ASCII fit the language, or the reading is none
MIN_ENGLISH = 0.15  # of the words are the commonest ones: the few letters beyond ASCII are those of names
PRIORS = {"cp1252": 1.1, "cp850": 0.95, "mac-roman": 0.95}  # how common they are in files of today
# Those that people's files are in. Among all that chardet knows, odd ones win on short texts.
_CANDIDATES = [
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp1258",
    "iso8859-1",
    "iso8859-2",
    "iso8859-4",
    "iso8859-5",
    "iso8859-6",
    "iso8859-7",
    "iso8859-8",
    "iso8859-9",
    "iso8859-13",
    "iso8859-15",
    "koi8-r",
    "koi8-u",
    "cp850",
    "cp852",
    "cp866",
    "mac-roman",
    "mac-latin2",
    "mac-cyrillic",
    "tis-620",
    "cp874",
    "gb18030",
    "big5",
    "shift_jis",
    "cp932",
    "euc-jp",
    "euc-kr",
    "cp949",
]
# Letters beside a to z of languages in Latin script. A language that is missing here accepts every letter.
_ALPHABETS = {
    "cs": "áčďéěíňóřšťúůýž",
    "da": "æøåéèöä",
    "de": "äöüßéèáàçñ",
    "en": "éèêëïôöüçñàâ",
    "es": "áéíóúüñçàºª¿¡",
    "et": "äöõüšž",
    "fi": "äöåšžé",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "hr": "čćđšž",
    "hu": "áéíóöőúüű",
    "is": "áðéíóúýþæö",
    "it": "àèéìíîòóùú",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūžōŗ",
    "nl": "éèëïöüáóíçêà",
    "no": "æøåéèêóòâôäö",
    "pl": "ąćęłńóśźż",
    "pt": "áâãàçéêíóôõúüèºª",
    "ro": "ăâîşţșț",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšžćđ",
    "sv": "åäöéàüá",
    "tr": "çğıöşüâîûİ",
}
_ALPHABETS |= {
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "sr": "абвгдђежзијклљмнњопрстћуфхцчџш",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
}
_DOS_AND_MAC = frozenset(("cp850", "cp852", "cp866", "mac-roman", "mac-latin2", "mac-cyrillic"))
_OLDER_SUBSETS = {  # the Windows code page that also holds the quotation marks of word processors
    "iso8859-1": "cp1252",
    "iso8859-4": "cp1257",
    "iso8859-13": "cp1257",
    "iso8859-9": "cp1254",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
}
_ENGLISH = frozenset(b"the of and to is that was with for as it are this be from which have not".split())
_ASCII_WORD = re.compile(rb"[a-z]+")
_CONTROLS = re.compile("[\x80-\x84\x86-\x9f]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_USUAL_SIGNS = frozenset("‘’‚“”„«»‹›–—…•·€£¥§©®™°²³¹½¼¾ªº¿¡±×÷µ№\xa0\xad、。「」『』（）？！，：；～・《》")
_SIGN_IN_WORD = re.compile(r"(?<=[^\W\d_])(?:[^\w\s\x00-\x7f‘’·\xad](?=[^\W\d_])|[‚„‹«“](?!\w))")
_MIXED_WORD = re.compile(  # two scripts: `Cafй`
    "[A-Za-z][\u0370-\u1dff]|[\u0370-\u1dff][A-Za-z]|[a-z][\u2e80-\uffef][a-z]"
)


@dataclass(frozen=True)
class Guess:
    """The encoding that fits best, and others that fit as well but give another text."""

    encoding: str
    others: tuple[str, ...] = ()


def guess_encoding(data: bytes) -> Guess | None:
    """Return the most plausible encoding of a text that is not UTF-8; None where none fits."""
    import chardet

    sample = sample_of(data)
    words = _ASCII_WORD.findall(sample.lower())
    english = sum(word in _ENGLISH for word in words) >= max(2, MIN_ENGLISH * len(words))
    scores: dict[str, tuple[float, str]] = {}  # of each different text, and the encoding that gives it
    for candidate in chardet.detect_all(sample, ignore_threshold=True, include_encodings=_CANDIDATES):
        if candidate["encoding"] is None:
            continue
        name = _python_name(candidate["encoding"])
        text = _decoded(sample, name)
        if text is not None and text not in scores:
            usual = 1.0 - _strangeness(text, "en" if english else candidate["language"])
            if usual >= MIN_USUAL:
                scores[text] = (candidate["confidence"] * usual**2 * PRIORS.get(name, 1.0), name)
    ranked = sorted(scores.values(), reverse=True)
    if not ranked:
        return None
    best, name = ranked[0]
    near = (other for score, other in ranked[1:] if score >= UNSURE * best)
    return Guess(name, tuple(other for other in near if name in _DOS_AND_MAC or other not in _DOS_AND_MAC))


def sample_of(data: bytes) -> bytes:
    """Return the first bytes, up to the end of a line or word: a character may take several bytes."""
    if len(data) <= SAMPLE_BYTES:
        return data
    sample = data[:SAMPLE_BYTES]
    return sample.rpartition(b"\n")[0] or sample.rpartition(b" ")[0] or sample


def _python_name(name: str) -> str:
    """Return chardet's name of an encoding as Python writes it, and its superset for old subsets."""
    name = name.lower().replace("windows-", "cp").replace("iso-8859", "iso8859").replace("ibm", "cp")
    if name.startswith("mac"):
        name = "mac-" + name.removeprefix("mac").removeprefix("-")
    return _OLDER_SUBSETS.get(name, name)


def _decoded(sample: bytes, name: str) -> str | None:
    """Return the text, or None where bytes have no meaning in this encoding or stand for control characters.

    A character that the end of the sample cuts is forgiven.
    """
    try:
        text = codecs.getincrementaldecoder(name)().decode(sample)
    except UnicodeDecodeError:
        return None
    return None if _CONTROLS.search(text) else text


def _strangeness(text: str, language: str | None) -> float:
    """Return the share of the characters beyond ASCII that a text in this language would not hold."""
    beyond = _BEYOND_ASCII.findall(text)
    alphabet = _ALPHABETS.get(language or "")
    strange = sum(
        (alphabet is not None and character.lower() not in alphabet)
        if character.isalpha()
        else character not in _USUAL_SIGNS and not unicodedata.category(character).startswith("M")
        for character in beyond
    )
    strange += len(_SIGN_IN_WORD.findall(text)) + len(_MIXED_WORD.findall(text))
    strange += sum(
        1 for before, at in itertools.pairwise(text) if at > "\x7f" and at.isupper() and before.islower()
    )
    return strange / max(1, len(beyond))
