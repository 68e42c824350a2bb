"""Sentences that say something only beside another one: "Grund sind die Kosten", "We propose the second way".

Where a summary is so short that the most important sentence has no room, none of these may stand alone. The
words are those that begin such sentences; of a language that is not listed, none is known.
"""

import re

from bigbird_pegasus.summarization.features.standalone import opening_depends, refers_elsewhere
from bigbird_pegasus.text.line_patterns import any_of
from bigbird_pegasus.text.lines import label_end

_SHOWN_CHARS = 400  # of a sentence's beginning

_OPENINGS = {
    "en": """no one  nobody  none  everyone  everybody  all of (?:them|it)
        one of (?:them|these)  some of them
        the (?:cause|reason|aim|goal|result|consequence|difference|problem|second|third|latter|former)
        he  she  (?:more|further) (?:details|information)  among them  the same  as a (?:result|consequence)
        there (?:were|was|are|is) no  the (?:damage|suspect|victims?|company|owner|incident|move|decision)""",
    "de": """(?:er|sie|ihm|ihn|ihr|ihre[nmrs]?|sein|seine[nmrs]?)  dies(?:e[nmrs]?)?
        das (?:ist|war|wird|sind|hat|sei|soll|kann|gilt|geht|macht|bedeutet|heißt|wäre|liegt)
        da(?:bei|für|gegen|her|mit|nach|ran|rauf|raus|rin|rüber|rum|von|vor|zu|durch)
        deshalb  deswegen  dennoch  trotzdem  jedoch  aber  und  oder  denn  doch  auch  außerdem  zudem
        ferner  zugleich  dann  dort  da  so  solche[nmrs]?  beide  stattdessen  hingegen  allerdings  demnach
        somit  folglich  anschließend  zuvor  letztere[rs]?  erstere[rs]?  andernfalls  sonst  ebenso
        (?:der |ein |die )?(?:grund|ursache|hintergrund|ziel|folge|auslöser)  niemand  verletzt wurde
        keine[rs]?  es (?!gibt|gab)  einige davon  nur so  zweitens  drittens  danach""",
    "fr": """(?:ils?|elles?)(?! (?:y a|y avait|faut|est|s'agit))  ce(?:la|ci|t|tte|s)?  c'est  c'était
        ça  cel(?:ui|le|les)  ceux  leurs?  son  sa  ses  lui  mais  et  ou  donc  or  ni  car
        cependant  pourtant  toutefois  néanmoins  ainsi  aussi  alors  puis  ensuite  enfin
        en (?:effet|outre|revanche)  de plus  par (?:contre|conséquent)  la (?:raison|cause)
        le (?:motif|but)  personne n(?='|e )  aucune?  y  les deux  l'autre  deuxièmement""",
    "es": """(?:él|ella|ellos|ellas|ello)  est[eao]s?  es[eao]s?  aquel(?:la|lo|los|las)?  sus?  pero  y  e  o
        porque  sin embargo  no obstante  por (?:lo tanto|eso|ello|consiguiente|otra parte|otro lado)
        además  también  tampoco  así  entonces  luego  después  en cambio  es decir
        (?:la|el) (?:razón|motivo|causa|objetivo)  nadie  ning[úu]n[oa]?  no hubo  ambos  ambas""",
    "it": """(?:egli|ella|esso|essa|essi|esse|lui|lei|loro)  quest[oaie]  quell[oaie]  suo[i]?  sua  sue  ciò
        ma  e  ed  o  però  quindi  dunque  perciò  pertanto  tuttavia  inoltre  anche  così  allora
        poi  infatti  (?:il|la) (?:motivo|ragione|causa|scopo)  nessuno  entramb[ie]  inoltre""",
    "pt": """(?:ele|ela|eles|elas)  ist[oa]  isso  est[ea]s?  ess[ea]s?  aquilo  seus?  suas?  mas  e  ou
        porém  contudo  todavia  portanto  assim  então  depois  também  além  no entanto  por isso
        (?:o|a) (?:motivo|razão|causa|objetivo)  ninguém  nenhuma?  ambos  ambas""",
    "nl": """(?:hij|zij|ze|hun|haar|zijn)  het (?:is|was|gaat|wordt|zal|heeft|kost|betreft)  dit  deze
        dat (?:is|was|zal|kan|betekent)  die  maar  en  of  want  dus  daar(?:om|door|na|bij|voor|mee|van)
        echter  toch  ook  bovendien  dan  toen  zo  (?:de )?(?:reden|oorzaak)  niemand  geen  beide""",
    "sv": """(?:han|hon|de|den|det|dessa|denna|detta|deras|hans|hennes)  men  och  eller  därför  dock
        också  därmed  sedan  så  (?:orsaken|skälet|anledningen)  ingen""",
    "pl": """(?:on|ona|ono|oni|one)  to  ten  ta  te  ich  jego  jej  ale  i  a  lub  jednak  dlatego  potem
        także  ponadto  przyczyną  powodem  nikt""",
    "ru": (
        "(?:он|она|оно|они)  этот?  эта  эти  его  её  их  но  и  а  или  однако  поэтому  "  # noqa: RUF001
        "затем  потом  также  причин(?:а|ой)  никто"  # noqa: RUF001
    ),
}
_UNSPACED = {  # no space ends a word
    "zh": "他|她|它|这|那|但|因此|所以|然后|其|此|该|原因|没有人|同时",
    "ja": "これ|それ|この|その|しかし|そして|また|だから|彼|原因|理由",
}
_OTHER_WAY = {
    "de": r"\bd(?:ie|en|er|as) (?:zweite|dritte|andere|letztere|obige)n? "
    r"(?:Weg|Variante|Möglichkeit|Methode|Lösung|Option|Ansatz|Vorschlag)",
    "fr": r"\bla (?:deuxième|seconde|troisième|dernière) (?:voie|méthode|solution|option|possibilité)"
    r"|\bl'autre (?:voie|méthode|solution|option)",
    "es": r"\b(?:la|el) (?:segund[ao]|tercer[ao]?|otr[ao]) "
    r"(?:camino|vía|método|solución|opción|posibilidad|forma|manera)",
    "it": r"\b(?:la|il) (?:second[ao]|terz[ao]) (?:via|modo|metodo|soluzione|opzione)",
    "pt": r"\b(?:a|o) (?:segund[ao]|terceir[ao]|outr[ao]) (?:via|caminho|método|solução|opção|forma)",
    "nl": r"\bde (?:tweede|derde|andere) (?:weg|manier|methode|oplossing|optie)",
}
_BEGINS = {name: re.compile(any_of(words) + r"(?!\w)", re.IGNORECASE) for name, words in _OPENINGS.items()}
_BEGINS |= {name: re.compile(words) for name, words in _UNSPACED.items()}
_ALSO = re.compile(
    r"(?:\S+ ){0,4}(?:also|another|instead|either|auch|ebenfalls|aussi|également|también|anche|também"
    r"|ook|också|także|также)\b",
    re.IGNORECASE,
)
_ENDS = re.compile(  # "… can bear 1.5 million of this."
    r"\b(?:(?:of|for|to|from|with|about|by|than|in) (?:this|these|those|it|them|that)"
    r"|da(?:bei|für|gegen|mit|nach|ran|rauf|raus|rin|rüber|von|vor|zu))[.!?]*\Z",
    re.IGNORECASE,
)
_CALLS = re.compile(
    r"(?:\S+ ){1,4}(?:call|calls|called) (?:this|that|these|those|it|them) "
)  # We call that a pier.
_OTHER = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _OTHER_WAY.items()}


def presupposes(sentence: str, language: str | None) -> bool:
    """Return whether a sentence needs another one to be understood, as far as its words show it.

    `language` is an ISO 639-1 code; a text of an unknown one is looked at as English.
    """
    said = sentence[: 2 * _SHOWN_CHARS]
    said = said[label_end(said) :].lstrip(" \"'\u201c\u201e\u00ab\u2018([\u00bf\u00a1")
    known = language or "en"
    if known == "en" and (opening_depends(sentence) or refers_elsewhere(sentence)):
        return True
    if (known in _BEGINS and _BEGINS[known].match(said)) or (known == "en" and _CALLS.match(said)):
        return True
    if _ALSO.match(said) or (known in ("en", "de") and _ENDS.search(sentence)):
        return True
    return known in _OTHER and _OTHER[known].search(said) is not None
