"""Language of a text: by its script, and in Latin and Cyrillic script by its most common function words.

It serves the sentence splitter's rules and a warning, so an unsure answer is None: for texts of few words,
for mixtures, and for languages that are not in `NAMES`.

By hand, because libraries always answer: py3langid names a language for source code, numbers and two words,
cannot say that it is unknown, and takes 134 ms for 28 texts of the tests that take 27 ms here.
"""

import re
import unicodedata
from collections import Counter

ENGLISH = "en"
NAMES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "pt": "Portuguese",
    "it": "Italian",
    "nl": "Dutch",
    "pl": "Polish",
    "cs": "Czech",
    "sv": "Swedish",
    "da": "Danish",
    "no": "Norwegian",
    "fi": "Finnish",
    "hu": "Hungarian",
    "ro": "Romanian",
    "tr": "Turkish",
    "ru": "Russian",
    "uk": "Ukrainian",
    "el": "Greek",
    "ar": "Arabic",
    "he": "Hebrew",
    "hi": "Hindi",
    "th": "Thai",
    "zh": "Chinese",
    "ja": "Japanese",
    "ko": "Korean",
}
FUNCTION_WORDS = {
    "en": "the of and to is that was with for as it on are this be by from which have not at or an has were",
    "de": "der die und das ist nicht ein eine mit dem den des zu auf für im sich auch von wird werden sie",
    "fr": "le la les de et des est une dans pour que qui du pas sur avec au aux ce cette il nous qu été ont",
    "es": "el los las y una es en que por con para se del al lo como su más pero fue está son hay este",
    "pt": "o os as e um uma em não que para com do da dos das no na ao por mais foi são está seu sua também",
    "it": "il gli di e che è per una con non del della dei delle nel nella sono alla anche più come si ha lo",
    "nl": "de het een en van is dat op niet met voor zijn te aan ook er maar bij naar worden wordt door om",
    "pl": "i w nie się na że z do jest to jak po od ale przez dla był była są oraz które który tak już",
    "cs": "a se na v je že s z do o i to k ve pro jako by za po jsou nebo který která není bylo také jsme",
    "sv": "och att det som en på är av för med den till inte om ett har de vi jag så men från kan var också",
    "da": "og at det som en på er af for med den til ikke om et har de vi jeg så men fra kan også blev",
    "no": "og å det som en på er av for med den til ikke om et har de vi jeg så men fra kan også ble",
    "fi": "ja on ei se että oli hän mutta kun niin ovat myös joka sen ole kuin tai vain jos olla mukaan",
    "hu": "a az és hogy nem is egy van ez meg de volt csak már el még mint vagy ha lesz azt amely között",
    "ro": "și în de la cu nu este pe care un o din a fi pentru că mai au fost sunt sau ca prin al se",
    "tr": "ve bir bu için ile da de çok ne gibi daha olarak olan en sonra kadar var ama değil her ise",
    "ru": "и в не на что с он как это по но из к у за от так же для было все она они был мы",  # noqa: RUF001
    "uk": "і в не на що з він як це по але із до у за від так же для було все вона вони був ми та й",  # noqa: RUF001
}
_WORDS = {language: frozenset(words.split()) for language, words in FUNCTION_WORDS.items()}
_LATIN = tuple(language for language in _WORDS if language not in ("ru", "uk"))
_SCRIPTS = {
    "GREEK": "el",
    "ARABIC": "ar",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "THAI": "th",
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
}
_WORD = re.compile(r"[^\W\d_]+")
_SAMPLE_CHARS = 20_000  # from the beginning and as many from the middle: the rest changes no answer
_MIN_WORDS = 20  # or characters, of writing without spaces: with fewer the answer would be luck
_MIN_FUNCTION_SHARE = 0.12  # of the words of running text in a known language
_MIN_RATIO = 1.25  # of function words of the best language to those of the second


def detect_language(text: str) -> str | None:
    """Return the language's ISO 639-1 code, one of `NAMES`, or None."""
    if len(text) > 2 * _SAMPLE_CHARS:
        middle = len(text) // 2
        text = text[:_SAMPLE_CHARS] + " " + text[middle : middle + _SAMPLE_CHARS]
    scripts: Counter[str] = Counter()
    for character, times in Counter(text).items():  # each once: a text has few different ones
        if character.isalpha():
            scripts[_script(character)] += times
    if scripts.total() < _MIN_WORDS:
        return None
    script, count = scripts.most_common(1)[0]
    if scripts["HIRAGANA"] + scripts["KATAKANA"] > 0.1 * scripts.total():
        return "ja"
    if count < 0.5 * scripts.total():
        return None
    if script in ("LATIN", "CYRILLIC"):
        return _by_function_words(text, _LATIN if script == "LATIN" else ("ru", "uk"))
    return _SCRIPTS.get(script)


def _script(character: str) -> str:
    if character.isascii():
        return "LATIN"
    return unicodedata.name(character, "").split(" ")[0].split("-")[0]


def _by_function_words(text: str, languages: tuple[str, ...]) -> str | None:
    words = Counter(_WORD.findall(text.lower()))
    total = words.total()
    if total < _MIN_WORDS:
        return None
    found = {language: sum(words[word] for word in _WORDS[language]) for language in languages}
    best, second = sorted(found, key=lambda language: -found[language])[:2]
    if found[best] < _MIN_FUNCTION_SHARE * total or found[best] < _MIN_RATIO * found[second]:
        # Danish and Norwegian, or Russian and Ukrainian, differ in letters and a few words.
        return _of_neighbors(words, best, second) if found[best] >= _MIN_FUNCTION_SHARE * total else None
    return best


def _of_neighbors(words: Counter[str], best: str, second: str) -> str | None:
    """Return the one of two languages with nearly the same function words that has more words of its own."""
    own = {
        language: sum(words[word] for word in _WORDS[language] - _WORDS[other])
        for language, other in ((best, second), (second, best))
    }
    if own[best] == own[second]:
        return None
    return max(own, key=lambda language: own[language])
