"""Quotation marks of a sentence that is taken out of a quotation of several: the missing one is added.

No word changes. Single marks are left alone: most are apostrophes.
"""

import re

from bigbird_pegasus.text.lines import label_end

_PAIRS = (("\u201e", "\u201c"), ("\u201c", "\u201d"), ("\u00ab", "\u00bb"), ("\u300c", "\u300d"))
_OPENS = re.compile(r"(?:^|(?<=[\s(\[\u2014\u2013]))\"(?=\S)")
_CLOSES = re.compile(r"(?<=\S)\"(?=$|[\s.,;:!?)\]\u2014\u2013])")
_INCHES = re.compile(r"\d\"")


def with_both_marks(sentence: str) -> str:
    """Return a sentence with the quotation mark that it lacks: at its end, or at its beginning.

    'He said: "We go on.' is closed; 'We go on," he said.' is opened. Where it lacks several, or it is not
    known which, it is returned as it is.
    """
    name = label_end(sentence)
    name += len(sentence[name:]) - len(sentence[name:].lstrip())
    if '"' in sentence:
        opening, closing = len(_OPENS.findall(sentence, name)), len(_CLOSES.findall(sentence, name))
        if sentence.count('"') != opening + closing or _INCHES.search(sentence):
            return sentence
        return _completed(sentence, name, opening - closing, '"', '"')
    for first, last in _PAIRS:
        if first in sentence or (last in sentence and last != "\u201c"):  # which opens in English
            missing = sentence.count(first) - sentence.count(last)
            return _completed(sentence, name, missing, first, last)
    return sentence


def _completed(sentence: str, name: int, unclosed: int, first: str, last: str) -> str:
    if unclosed == 1:
        return sentence + last
    return sentence[:name] + first + sentence[name:] if unclosed == -1 else sentence
