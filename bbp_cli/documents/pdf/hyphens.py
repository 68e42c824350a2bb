"""Words that are cut at the end of a line: joined, or compounds that keep their hyphen.

The file does not say which hyphen it is (PDFium marks both alike), so the letters around it decide, then the
document's own words, then the words of the default model's vocabulary, and of which compounds are made.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

HYPHENS = "\u2010\u00ad-"  # in this order they fit into a set of a regular expression
SLASHES = "\u2013\u2014/"  # a line may end behind them without a space
_END = re.compile(rf"((?:\w+[{HYPHENS}])*\w+)[{HYPHENS}]$")
_START = re.compile(rf"\w+(?:[{HYPHENS}]\w+)*")
_WORD = re.compile(rf"\w+(?:[{HYPHENS}]\w+)*")
_SUSPENDED = re.compile(r"[-\u2010]\s+(?:and|or|und|oder|bis|et|ou|y|e|en|of)\s+\w+[-\u2010]$")
_CAMEL = re.compile(r"[a-z]+[A-Z]")
_CONJUNCTIONS = frozenset(
    """
    and or und oder bzw et ou y e en of to bis
    """.split()
)

FIRST = frozenset(
    """
    all close cold cross deep double dry dual eight ex fast first five four free full half hand hard head
    heavy high higher highest home hot ill large left light like long longer low lower machine man mid mixed
    multi near new newly nine non old one open part peer per post pre quasi ready real red right same second
    self semi seven short single six slow small so soft state still ten third three top two user vice water
    well white wide world
    """.split()
)
LAST = frozenset(
    """
    able act age art aware based blind born bound brow building capable class coded cost cut day deep
    defined dependent depth dimensional down driven edge end ended equipped fact faced fashioned file first
    fit fold foot forward free friendly full funded grade grained grown half hand handed heavy held hoc hour
    house independent in infected intensive known language layer led length level like line lived load long
    looking made making mail man mile minded minute month moving named needed off old only operated order
    oriented out owned page paid part party performance phase pitched plan point
    president priced proof quality
    ranging range rate rated ray ready reaching related resistant rich right risk run running safe scale
    second sensitive shaped shot side sided size sized sounding source speaking specific speed stage
    standing state step strong style supplied tail taking tech term thirds throughput tier time to top type
    up value war ward water way week weight wide width winning wing wise word work working world written
    year years yield
    """.split()
)
_CLOSED = frozenset(
    """
    any every here inter out over some sub super there under up where
    """.split()
)
_SUFFIXES = frozenset(
    """
    able age al ed en er est ing ion ish ism ity ive less ly ment ness or s th tion ty
    """.split()
)


def vocabulary(lines: Iterable[str]) -> Counter[str]:
    """Count the words of a document, in small letters, but not those that its lines cut."""
    found: Counter[str] = Counter()
    cut = False
    for line in lines:
        words = _WORD.findall(line.lower())
        if cut:
            words = words[1:]
        cut = line[-1:] in HYPHENS
        if cut:
            words = words[:-1]
        found.update(word for word in words if len(word) < 60)
    return found


def joint(line: str, following: str, words: Counter[str]) -> tuple[str, str]:
    """Return what is kept of a line, and what joins it to the next one of its paragraph: "", or a space."""
    if line[-1] in SLASHES and line[-2:-1].isalnum() and following[:1].isalnum():
        return line, ""
    cut, rest = _END.search(line[-80:]), _START.match(following[:80])
    if cut is None or rest is None:
        return line, " "
    behind = following[len(rest[0]) : len(rest[0]) + 1]
    if rest[0].lower() in _CONJUNCTIONS and behind and behind not in HYPHENS:
        return line, " "  # pre- and post-war
    if line[-1] == "\u00ad":
        return line[:-1], ""
    suspended = _SUSPENDED.search(line[-80:]) is not None  # pre- and post-war
    return (line if suspended or _is_compound(cut[1], rest[0], words) else line[:-1]), ""


def _is_compound(first: str, second: str, words: Counter[str]) -> bool:
    last_part = re.split(f"[{HYPHENS}]", first)[-1]
    if len(last_part) == 1 or last_part[-1].isdigit() or second[0].isdigit():
        return True  # e-mail, 10-fold, COVID-19
    whole, compound = words[(first + second).lower()], words[f"{first}-{second}".lower()]
    if whole != compound:
        return compound > whole
    if (shown := _shown_by_capitals(last_part, second)) is not None:
        return shown
    capitals = second.isupper()
    first, second, last_part = first.lower(), second.lower(), last_part.lower()
    start = re.split(f"[{HYPHENS}]", second)[0]
    known = words[start] > 0 or start in LAST or is_word(start)
    closed = last_part + start
    if any(words[form] or is_word(form) for form in (closed, closed.removesuffix("s"))):
        return False
    if start != second:
        return known  # up-to-date
    if start in _SUFFIXES or last_part in _CLOSED:
        return False
    if capitals:
        return True  # IN-ADDR
    if first != last_part:
        return known  # state-of-the-art
    if last_part == "non" or (known and _is_always_open(last_part, start)):
        return True
    former = last_part in FIRST or (len(last_part) > 2 and (words[last_part] > 0 or is_word(last_part)))
    return former and known and len(start) > 2


def _shown_by_capitals(first: str, second: str) -> bool | None:
    """Return whether two parts are a compound where capitals say so; None where they do not."""
    if len(first) > 1 and first.isupper() and second[0].islower():
        return True  # AMI-coded
    if second[0].isupper() and not (first.isupper() and second.isupper()):
        return not _CAMEL.match(first)  # non-European, but noAreaSummary
    return None


def _is_always_open(first: str, second: str) -> bool:
    """Return whether two words keep their hyphen: a vowel would meet itself, or the first is an adverb."""
    meet = len(first) < 4 and first[-1] == second[0] and first[-1] in "aeiou"
    adverb = first.endswith("ly") and (len(first) > 6 or is_word(first.removesuffix("ly")))
    return meet or (adverb and len(second) > 3)


def is_word(text: str) -> bool:
    """Return whether the default model's vocabulary has these letters as a whole word."""
    return f"\u2581{text}" in _pieces()


@cache
def _pieces() -> frozenset[str]:
    """Return the pieces of the default model's vocabulary: English, the words of its documents."""
    import bigbird_pegasus
    from sentencepiece import SentencePieceProcessor

    path = Path(bigbird_pegasus.__file__).parent / "pretrained" / "spiece.model"
    processor = SentencePieceProcessor(model_file=str(path))
    return frozenset(processor.id_to_piece(number) for number in range(processor.get_piece_size()))
