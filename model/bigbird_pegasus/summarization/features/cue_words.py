"""Words that say what a sentence does, whatever it is about: as hashes of `sentence_features`."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bigbird_pegasus.summarization.features.sentence_features import hash_word

_FUNCTION_WORDS = """
    a an the of to in and or is are was were be been being for on at by with as from that this these
    those it its they them their he she his her him we our us you your i my me not no do does did have
    has had will would can could may might shall should must there here which who whom what when where
    how why if then than so such but also into over under about more most other some any each all both
    few only own same too very just up down out off again further once s t d m ll re ve b c e f g h j k
    l n o p q r u v w x y z"""

_CUES = {
    "we": "we our us",
    "i": "i my me",
    "you": "you your",
    "proposes": "propose present introduce describe define specify provide require establish amend outline",
    "finds": """result show find found demonstrate suggest indicate reveal conclude conclusion summary overall
        finally""",
    "reasons": "because due reason goal aim purpose problem issue need therefore thus",
    "refers": "example figure table section see fig",
    "spoken": "yeah okay um uh well right oh hmm mhm yep gonna",
    "decides": "decide agree consensus plan recommend",
    "duty": "will should must shall",
    "said": "said says told asked thank hello",
    "weighs": "new first important main key significant major",
    "grows": "increase decrease rise fell grew growth percent million billion",
    "doubts": "may might could perhaps maybe probably think guess",
    "negates": "not no never none cannot without",
    "is": "is are was were",
    "this": "this these",
    "document": "paper document article study report bill act standard proposal memo chapter work",
    "contrasts": "however but although though despite instead",
    "past": "had did went came was were",
}

_FIRST = {
    "pronoun": "he she they it this these those that such his her their its him them",
    "connective": """but and or so because however therefore thus hence moreover furthermore also nevertheless
        then otherwise still yet instead for additionally finally second third""",
    "article": "the a an",
    "we": "we i our my",
    "preposition": "in on at to from by with under after before during while when as if since although",
}

_HEADINGS = {
    "opening": """introduct abstract overview summary motivation background purpose goal objective scope
        intent""",
    "closing": "conclusion conclude discuss discussion summary future result",
    "method": "method material approach design implement detail specification",
    "apart": """security iana consideration reference acknowledge acknowledgement appendix related rationale
        drawback alternative compatibility copyright license history""",
}


def _hashes(groups: Mapping[str, str]) -> dict[str, NDArray[np.int64]]:
    return {name: np.array(sorted({hash_word(w) for w in words.split()})) for name, words in groups.items()}


FUNCTION_WORDS = np.array(sorted({hash_word(word) for word in _FUNCTION_WORDS.split()}))
CUE_GROUPS = _hashes(_CUES)
FIRST_WORDS = _hashes(_FIRST)
HEADING_GROUPS = _hashes(_HEADINGS)
