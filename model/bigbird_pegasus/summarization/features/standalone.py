"""Sentences that do not stand by themselves: their pronoun, connective or reference points outside of them.

A summary takes sentences out of their text. "They also cost more." says nothing there, nor does "See Section
4."
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bigbird_pegasus.text.line_patterns import any_of, ends_as_sentence
from bigbird_pegasus.text.lines import label_end

_SHOWN_CHARS = 400  # of a sentence that is looked at from its beginning
_ITSELF = any_of(  # what "this" points to is the text itself
    """documents?  memos?  memorandum  papers?  rfcs?  peps?  keps?  eips?  proposals?  specifications?
    standards?  bills?  acts?  laws?  sections?  articles?  reports?  stud(?:y|ies)  books?  chapters?
    guides?  how-?tos?  surveys?  thes[ie]s  notes?  drafts?  packages?  modules?  librar(?:y|ies)
    manuals?  pages?
    tutorials?  years?  months?  weeks?  mornings?  evenings?  meetings?  works?  projects?"""
)
_PRONOUN = re.compile(
    r"(?:they|them|their|these|those|this|that|it|its|he|she|his|him|her|such|both|neither|"
    r"the (?:former|latter))\b",
    re.IGNORECASE,
)
_PERSONAL = re.compile(r"(?:they|them|their|it|its|he|she|his|him|her)\b", re.IGNORECASE)
_WEATHER = r"(?:rain|snow|thunder)(?:s|ed|ing)|drizzl(?:es|ed|ing)"
_WEATHER_OR_TIME = (  # what "it" is without standing for anything
    r"(?:cold|warm|hot|cool|chilly|dark|late|early|noon|midnight|dawn|dusk|night|day|morning"
    r"|afternoon|evening|foggy|windy|cloudy|sunny|stormy|rainy|freezing|winter|summer|spring|autumn|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|(?:\w+ )?o['\u2019]clock|past \w+)"
    r"(?=[.,;:!?\u2026]|\Z|\s+(?:and|but|when|while|as|in|on|at|outside|out|there|again|for|before|after|now|then)\b)"
)
_DEGREE = r"(?:\w+ly|a|an|the|not|still|too|so|very|already|almost|past|dark|cold|hot|warm|late|early)"
_NO_PRONOUN = re.compile(
    rf"it (?:(?:is|was|has|had|ha[sd] been|began|started) )?(?:\w+ly |not |still |never )?(?:{_WEATHER})\b|"
    r"it (?:will|would|may|might|began to|begins to|started to) (?:\w+ly |not |soon )?(?:rain|snow)\b|"
    rf"it (?:is|was|ha[sd] been|will be|gr[eo]w|became|got) (?:{_DEGREE} ){{0,3}}{_WEATHER_OR_TIME}|"
    rf"(?:this|these|the present) (?:\w+ )?{_ITSELF}\b|"
    rf"it (?:is|was|seems|appears|would be|has been|may be|can be) "
    rf"(?:\w+ ){{0,2}}(?:that|to|if|whether)\b|both (?:of )?(?:the )?\w+ and\b|those (?:who|of)\b|such as\b",
    re.IGNORECASE,
)
_CONNECTIVE = re.compile(
    any_of(
        """but  and  or  nor  so(?! that)  yet  however  therefore  thus  hence  moreover  furthermore  also
        nevertheless  nonetheless  then  otherwise  instead  still,  additionally  consequently  accordingly
        similarly  likewise  conversely  besides,?  meanwhile,  in addition,?  in contrast,?  by contrast,?
        on the other hand  as a result,?  for (?:example|instance)  in other words
        in (?:this|that|these|those) cases?  in (?:this|that) (?:way|sense|respect)
        for (?:this|that|these|those) reasons?  because of (?:this|that|these)
        second(?:ly)?,  third(?:ly)?,  finally,  lastly,  too,  that said"""
    )
    + r"(?!\w)",
    re.IGNORECASE,
)
_ORDINAL = re.compile(
    r"\bthe (?:second|third|fourth|latter|former|other|above|same|last|next|previous) "
    r"(?:way|approach|option|one|case|alternative|method|solution|proposal|example|point|step)s?\b",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"\b(?:section|figure|fig\.|table|appendix|chapter|equation|eq\.|annex) (?:\d|[A-Z]\b|[ivx]+\b)|"
    r"\b(?:see|cf\.) (?:also |the |our )?(?:section|figure|table|appendix|chapter|below|above|\[)|"
    r"\b(?:shown|described|discussed|mentioned|given|listed|defined|noted|seen|presented|explained|outlined|"
    r"specified) (?:\w+ )?(?:above|below|earlier|previously|later)\b|"
    r"\b(?:previous|preceding|next|following|last) (?:sub)?(?:section|chapter|paragraph|figure|table)s?\b|"
    r"\b(?:the|as) following?s?[:.]?\Z|\bas follows\b",
    re.IGNORECASE,
)
_CITATION = re.compile(
    r"\[(?:\d+(?: ?[,\u2013-] ?\d+)*|[A-Z][\w.+-]*\d[\w.-]*|[A-Z]{2,}[\w-]*)\]|"
    r"\([^()]*\b(?:19|20)\d\d[a-z]?\)"
)
_LIST_MARK = re.compile(r"(?:[-*\u2022\u00b7o] |\(?(?:\d{1,2}|[a-z]|[ivx]+)[.)] )")
_NUMBERED = re.compile(r"(?<!\w)\(?([1-9a-e]|i{1,3})\)")
_DEFINITION = re.compile(
    r"(?:\(?\w{1,4}[.)] )?(?:[a-z][a-z ,;'\u2019-]{2,60}\.?[-\u2013\u2014]{1,2} ?)?"  # (1) HOST.-The term
    r"(?:the )?(?:(?:terms?|words?|phrases?) )?"
    r"[\"\u201c][^\"\u201c\u201d]{1,80}[\"\u201d],? "
    r"(?:shall )?(?:means?|includes?|refers to|ha(?:s|ve) the (?:same )?meaning"
    r"|is an (?:acronym|abbreviation))\b",
    re.IGNORECASE,
)
_FILLER = r"(?:um|uh|uhm|hmm|mm|mhm|er|erm|yeah|okay)"
# "going to a regular bat Yeah .": another has cut in. "we 're Uh ." ends in nothing.
# What may end a written sentence too ("Turn to the Right.") counts with the space that transcripts have.
_BROKEN_OFF = re.compile(
    r"[a-z] (?:Um|Uh|Uhm|Hmm|Mm)\s?[.,]?\Z|[a-z] (?:Yeah|Okay|Oh|Right)\s[.,]\Z|[\w,] (?:um|uh) ?[.,]?\Z"
)
_STUMBLE = re.compile(rf"\b{_FILLER}\b|\b(\w+) (?:, )?\1\b", re.IGNORECASE)
_MAX_STUMBLES = 2

# How much less such a sentence counts, in deviations of a document's scores. Chosen so that ROUGE stays.
_DEPENDS, _REFERS, _CITES, _BROKEN, _DEFINES, _STUMBLES = 0.6, 0.6, 0.2, 0.6, 4.0, 0.6


def deductions(sentences: Sequence[str]) -> NDArray[np.float64]:
    """Return how much less each sentence counts because it does not stand by itself (L,)."""
    return np.array(
        [
            _DEPENDS * opening_depends(one)
            + _REFERS * refers_elsewhere(one)
            + _CITES * cites(one)
            + _BROKEN * is_fragment(one)
            + _BROKEN * is_cut_enumeration(one)
            + _DEFINES * defines_a_term(one)
            + _STUMBLES * stumbles(one)
            for one in sentences
        ],
        np.float64,
    )


def opening_depends(sentence: str) -> bool:
    """Return whether a sentence begins with a pronoun or a connective that points to the one before it."""
    return opens_with_pronoun(sentence) or _CONNECTIVE.match(_said(sentence)) is not None


def opens_with_pronoun(sentence: str) -> bool:
    """Return whether a sentence begins with a pronoun for something in the one before it: not "It rained"."""
    said = _said(sentence)
    return _PRONOUN.match(said) is not None and not _NO_PRONOUN.match(said)


def opens_with_personal_pronoun(sentence: str) -> bool:
    """Return whether a sentence begins with "he", "she", "it", "they", or what is theirs."""
    return opens_with_pronoun(sentence) and _PERSONAL.match(_said(sentence)) is not None


def refers_elsewhere(sentence: str) -> bool:
    """Return whether a sentence points to another part of the text: a section, a figure, "the second way"."""
    said = sentence[: 2 * _SHOWN_CHARS]
    return _ELSEWHERE.search(said) is not None or _ORDINAL.search(said) is not None


def cites(sentence: str) -> bool:
    """Return whether a sentence holds a reference to literature: [3], [RFC2119], (Smith, 2004)."""
    return _CITATION.search(sentence[: 2 * _SHOWN_CHARS]) is not None


def is_fragment(sentence: str) -> bool:
    """Return whether a sentence has lost its beginning or its end."""
    said = _said(sentence)
    return (
        said[:1].islower() or not ends_as_sentence(sentence) or _BROKEN_OFF.search(sentence[-40:]) is not None
    )


def is_cut_enumeration(sentence: str) -> bool:
    """Return whether a sentence is an item of a list, or announces one that does not follow."""
    said = _said(sentence)
    marks = _NUMBERED.findall(said)
    return _LIST_MARK.match(said) is not None or said.rstrip().endswith((":", ";")) or len(marks) == 1


def defines_a_term(sentence: str) -> bool:
    """Return whether a sentence says what a word means in a law or contract: 'The term "agency" means …'."""
    return _DEFINITION.match(sentence[:_SHOWN_CHARS]) is not None


def stumbles(sentence: str) -> bool:
    """Return whether a spoken sentence holds more than two fillers ("um") or words said twice ("the the")."""
    return len(_STUMBLE.findall(sentence[: 2 * _SHOWN_CHARS])) > _MAX_STUMBLES


def _said(sentence: str) -> str:
    shown = sentence[: 2 * _SHOWN_CHARS]
    return shown[label_end(shown) :].lstrip(" \"'\u201c\u2018([")
