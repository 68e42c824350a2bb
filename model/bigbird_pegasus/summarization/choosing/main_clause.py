"""The main clause of a sentence, where what follows can be cut without changing what it says.

Cut is a last part behind a comma that only adds: "…, which …", "…, destroying …", "…, and the …". Not cut are
conditions, exceptions and who said it ("…, if …", "…, except …", "…, police said"): without those a sentence
claims more. A part with another comma behind it is not cut either, for the main clause may continue there.
"""

import re

from bigbird_pegasus.text.line_patterns import any_of
from bigbird_pegasus.text.words import count_words

MIN_CLAUSE_WORDS = 5
_ADDS = {
    "en": r"""which  who  whose  where  when  while  after  as (?!long|far|well)  because  since  so that
        thus  thereby  with \w+  leaving""",
    "de": """nachdem  weil  wobei  während  wodurch  sodass  womit  worauf  wofür  woraufhin  obwohl
        deren  dessen  welche[rsnm]?  da""",
    "fr": """qui  dont  où  tandis que  alors que  après  ce qui  parce que  car  puisque  afin de
        lequel  laquelle  lesquels  lesquelles""",
    "es": """que  quien(?:es)?  cuy[oa]s?  donde  mientras  después de  lo que  porque  ya que  tras""",
    "it": "che  cui  il cui  la cui  dove  mentre  dopo  perché  poiché",
    "pt": "que  quem  cuj[oa]s?  onde  enquanto  depois  o que  porque  após",
    "nl": "waarbij  nadat  omdat  terwijl  waardoor  waarmee  zodat  hoewel  waarin  waarvan",
    "sv": "vilket  eftersom  medan  efter att  där  vars",
}
_BEGINS_LATER = {  # what stands first is no main clause yet
    "en": """after  although  as  because  before  if  in case  once  since  though  unless  until  when
        whenever  where  whereas  whether  while  that  according""",
    "de": "nachdem  weil  während  wenn  als  obwohl  da  bevor  sobald  falls  dass  um  ob",
    "fr": "après  quand  lorsqu[e']  si  comme  puisqu[e']  bien qu[e']  tandis  alors qu[e']  pour  selon",
    "es": "después  cuando  si  como  aunque  mientras  porque  para  tras  según",
    "it": "dopo  quando  se  come  sebbene  mentre  perché  per  secondo",
    "pt": "depois  quando  se  como  embora  enquanto  porque  para  após  segundo",
    "nl": "nadat  als  wanneer  terwijl  omdat  hoewel  voordat  om  volgens",
    "sv": "efter  när  om  eftersom  medan  innan  enligt",
}
_GOES_ON = {"de": "dass  sodass  damit  um  ob  wie", "nl": "dat  om  zodat  of"}  # what such a part says
_AND = {  # a second clause, or one more of what the first one speaks of
    "en": r"and (?:the|an?|it|they|he|she|we|this|these|those|its|their)\b",
    "de": r"und (?:d(?:er|ie|as|en|em)|ein\w*|er|sie|es|sein\w*|ihr\w*)\b",
    "fr": r"et (?:les?|la|un|une|des|ils?|elles?|son|sa|ses|leurs?)\b",
    "es": r"y (?:el|las?|los|una?|su|sus)\b",
    "it": r"e (?:il|la|lo|i|gli|le|un|una|suo|sua)\b",
    "pt": r"e (?:o|a|os|as|um|uma|seu|sua)\b",
    "nl": r"en (?:de|het|een|hij|zij|ze)\b",
    "sv": r"och (?:en|ett|den|det|de|han|hon)\b",
}
_PARTICIPLE = (  # ", destroying two halls"
    r"(?!according|assuming|barring|concerning|depending|during|excluding|including|nothing|anything|everything"
    r"|provid|regarding|saying|something|speaking|suggesting)[a-z]+ing"
)
_FROM = {name: re.compile(any_of(words) + r"(?!\w)") for name, words in _ADDS.items()}
_FROM["en"] = re.compile(f"(?:{_FROM['en'].pattern}|{_PARTICIPLE}\\b)")
_ON = {name: re.compile(any_of(words) + r"(?!\w)") for name, words in _GOES_ON.items()}
_LATER = {
    name: re.compile(any_of(words) + r"(?:(?<=')|(?!\w))", re.IGNORECASE)
    for name, words in _BEGINS_LATER.items()
}
_COMMA = re.compile(r"[,;] ")
_OPEN = re.compile(r"[(\[\u201c\u201e\u00ab\"]")
_NOT = re.compile(r"\b(?:not|never|no|only|nicht|kein\w*|nur|ne|pas|non|n[ãa]o|niet|geen)\b", re.IGNORECASE)
_REASON = re.compile(r"(?:because|since|weil|da|parce|car|porque|perché|omdat|eftersom)\b")


def main_clause(sentence: str, language: str | None, max_words: int) -> str | None:
    """Return the beginning of a sentence that is its main clause and has at most `max_words`; None if unsure.

    Of several that fit it is the longest. It ends without a full stop, for the sentence goes on.
    """
    known = language or "en"
    if known not in _FROM or _LATER[known].match(sentence) or _OPEN.search(sentence):
        return None
    for cut in reversed(list(_COMMA.finditer(sentence))):
        part, before = sentence[cut.end() :], sentence[: cut.start()]
        if known in _ON and _ON[known].match(part):
            continue  # it belongs to a part before it: both are cut, or none
        if "," not in before and re.match(_AND[known], part):
            return before if MIN_CLAUSE_WORDS <= count_words(before) <= max_words else None
        if not _FROM[known].match(part) or (_REASON.match(part) and _NOT.search(before)):
            return None  # "not …, because …" may say the opposite of "not …"
        words = count_words(before)
        if words < MIN_CLAUSE_WORDS:
            return None
        if words <= max_words:
            return before
    return None
