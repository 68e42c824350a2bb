"""Abbreviations: full stops that end no sentence, and those of abbreviations that end one here and there.

Words stand here without their last full stop; one with a capital is meant with it alone. What sentencex gets
right is not listed. Of a language that is not listed nothing is known.
"""

import re
from dataclasses import dataclass

_CHARS = 24  # of an abbreviation and what closes it


@dataclass(frozen=True)
class _Abbreviations:
    """Of a language.

    `titles`: a name or a noun follows, whatever it begins with. `leading`: something follows, unless that is
    one of the `openers` of sentences ("tax incl. The shop is open."). `counted`: a number follows, or the
    letter of a part. `closing`: they end a sentence where an opener follows.
    """

    titles: frozenset[str]
    leading: frozenset[str]
    counted: frozenset[str]
    closing: frozenset[str]
    openers: frozenset[str]


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


def _of(titles: str, leading: str, counted: str, closing: str, openers: str) -> _Abbreviations:
    return _Abbreviations(*map(_words, (titles, leading, counted, closing, openers)))


_ABBREVIATIONS = {
    "en": _of(
        """Adm Amb Atty Br Capt Cmdr Col Cpl Det Dr Fr Ft Gen Gov Hon Insp Lt Maj Messrs Mgr Mlle Mme Mr Mrs
        Ms Msgr Mt Pres Prof Pvt Rep Rev Sen Sgt Supt""",
        """acc admin approx asst attn avg bldg ca cf civ crim deg e.g esp excl exec govt i.e incl intl Mgmt
        Misc natl resp subj univ usu viz vs""",
        """alg Amt ann Annex App Apps approx apt Art art Arts ca cert ch chap cir cl cls Cor def defs Dir div
        dkt doc docs ed eds eq eqn eqs est Ex exh Exs ext fig figs fl fn ht Iss lem lic max min mt nn no nos
        nr Op p para paras pp Prop pt pts qty Ref Refs Reg Regs Rel Rev Rm sched sec secs sect Ser sp stat
        ste subd subdiv subpt subsec Supp tab tabs tbl tel Temp thm Tit v ver vol vols wt""",
        """etc a.m p.m inc ltd corp co llc plc jr sr St Ave Blvd Rd Jan Feb Apr Aug Sept Oct Nov Dec U.S U.K
        D.C Ph.D M.D B.A M.A B.Sc M.Sc""",
        """The A An In On At It He She We You They This That These Those There Then When While If But And Or
        For To From With Without As By Our Their His Her Its My Your Not No Some All Both Each After Before
        Because However Although Such What Who How Why I So Now Also Yes Here Thus Hence Since Though Until
        During Under Most Many Any Every One Two Where Which Is Are Was Do Does Did Can Could Please Let
        Nobody Nothing Everyone Everything Someone Something Neither Either""",
    ),
    "de": _of(
        "Dipl Fa Hr Hrn Hrsg Ing Prof Verf Vors",
        """abzgl allg ausschl bes betr bzgl bzw ca ehem einschl einschließl entspr evtl exkl gem gesetzl ggf
        inkl insb insbes jew lt max mind sog stellv tägl Tsd urspr versch vgl wg wiss zuzgl zzgl""",
        "Abb Abs anh Anl art az bd Buchst erg fn kap mind nr rn S tab tel ziff",
        "etc usw u.a u.ä o.ä Mio Mrd Tsd MwSt Jh Str Std",
        """Der Die Das Den Dem Ein Eine Einen Einem Einer Er Sie Es Wir Ich Ihr Im In Am An Auf Bei Beim Mit
        Nach Von Vom Zu Zum Zur Für Wenn Weil Als Da Dann Dabei Dazu Dies Diese Dieser Dieses Auch Aber Und
        Oder So Nun Hier Dort Man Doch Jedoch Alle Was Wer Wie Wo Nicht Kein Keine Ob Um Unter Über Vor Seit
        Sein Seine Ihre""",
    ),
    "fr": _of(
        "Ch Chr Cie Dr Gal M MM Mgr Mlle Mlles Mme Mmes Ph Pr St Ste Sté Th",
        "apr av bd boul c.-à-d cf env excl fg incl min resp",
        """al ann art arts avr chap dép déc env fig figs févr janv juil lun n no nos nov oct p par pp réf
        sept tab tél vol éd""",
        "etc J.-C s.a",
        """Le La Les Un Une Des Il Elle Ils Elles On Nous Vous Je Ce Cet Cette Ces Dans Pour Par Sur Avec
        Sans En Au Aux Mais Et Ou Si Quand Comme Son Sa Ses Leur Leurs Qui Que Où Ainsi Alors Puis Après
        Avant Chaque Tous Toutes""",
    ),
    "es": _of(
        """Arq Cnel Cía D Dr Dra Dres Dña Excma Excmo Gob Gral Ing Lic Pdte Prof Sr Sra Sras Sres Srta Sta
        Sto""",
        "aprox avda cf depto excl incl resp",
        "aprox art arts cap caps ed fig figs inc máx mín no nos núm núms p pp párr pág págs ref t tel vol",
        "etc UU EE.UU S.A S.L a.C d.C",
        """El La Los Las Un Una Unos Unas Se Es Son En Con Sin Por Para Pero Y O Si Cuando Como Este Esta
        Estos Estas Ese Esa Eso Ella Ellos Ellas Él No Su Sus Al Del Hay Todo Todos Cada También Así Qué
        Quién""",
    ),
    "it": _of(
        "Avv Dott Ing On Prof S SS Sig avv dott ing prof sig",
        "ca cfr escl incl",
        "art artt cap capp ed fig figg n nn nr p pag pagg pp tab tel vol",
        "ecc etc S.p.A S.r.l a.C d.C",
        """Il La Lo I Gli Le Un Una Uno In Con Per Ma E O Se Quando Non Questo Questa Questi Queste È Sono Si
        Nel Nella Del Della Al Alla Dal Dalla Anche Così Poi Lui Lei Loro Ogni Tutti Dopo Prima""",
    ),
    "nl": _of(
        "Dhr Dr Drs Ir Mevr Mr Prof dhr dr drs ir mevr mr mw prof",
        "bijv bv ca d.w.z evt excl i.p.v incl m.b.t m.n o.a resp t.o.v zgn",
        "afb art blz fig figs hfst nr nrs p pag pp tab tel",
        "enz etc e.d B.V N.V",
        """De Het Een In Op Met Zonder Voor Maar En Of Als Dit Dat Deze Die Hij Zij Ze We Wij Er Ook Niet Bij
        Naar Van Door Na Om Toen Wanneer Zijn Haar Hun Ik Alle Elke Geen Wat Wie Hoe Waar""",
    ),
    "pt": _of(
        "Av Cia D Dr Dra Drs Eng Exma Exmo Prof R Sr Sra Sras Srs Srta",
        "aprox cf excl incl",
        "art arts cap caps ed fig figs n no nos p pp pág págs ref tab tel vol",
        "etc Ltda S.A a.C d.C",
        """O A Os As Um Uma Uns Umas Em No Na Nos Nas Com Sem Por Para Mas E Ou Se Quando Como Este Esta
        Estes Estas Esse Essa Isso Ele Ela Eles Elas Não Seu Sua Seus Suas Ao Do Da Há Todo Todos Cada Também
        Assim""",
    ),
}
# Behind a number they end a sentence where an opener follows: "It is 5 m. The gate is wide."
_UNITS = _words("kg g mg t km m cm mm ml l lb lbs oz ft in yd mi min hr hrs h sec s pct bn mio mln mrd")

_LAST_WORD = re.compile(
    r"(?<![\w./])(?P<letter>[^\W\d_]\.\s)?(?P<word>[^\W\d_][\w.-]*)\.(?P<close>[)\]\"'\u201d\u2019]{0,2})\s*\Z"
)
_STOP = re.compile(
    r"\.[)\]\"'\u201d\u2019]{0,2}\s+(?=[\"'\u201c\u201e\u00ab\u2018\u00bf\u00a1(]{0,2}[^\W\d_])"
)
_FIRST_WORD = re.compile(
    r"[\"'\u201c\u201e\u00ab\u2018\u00bf\u00a1(]{0,2}([^\W\d_]+)(?:['\u2019](?:re|s|m|t|ll|ve|d)\b)?(?![\w.(])"
)
_ELIDING = ("fr", "it")
_ELIDED = re.compile(r"[\"\u201c\u00ab(]{0,2}(?:[LDCJNSMTQ]|Qu|Un|All|Dell|Nell)['\u2019]\w")  # L'île, C'est
_LABEL = re.compile(  # 5, IV, (a), B, C.1, B-2; but no article "A" and no "I"
    r"\[[\w:.-]{1,60}\]|[(\[]?(?:\d|[IVXLC]{2,}\b|[A-Z]\.?\d|[B-HJ-Z](?![\w'\u2019])|(?:\w|EU|EC)\))|[\u00a7#]"
    r"|[AI](?=[.,;:)\]-]|\s(?:of|to|and|or|in|for|is|hereto|attached|above|below|shall|shows?|lists?)\b|\s*\Z)"
    r"|(?:Nos?|Nr|Art)\.|(?:One|Two|Three|Four|Five|Six|Seven|Eight|Nine|Ten)\b"
)
_CLOCK = re.compile(r"\d\s?[ap]\.?m\.\s+\Z")
_OF_CLOCK = re.compile(
    r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|Eastern|Pacific|Central|Mountain|GMT|UTC|[A-Z]{1,2}[SD]?T)\b"
)
_ERA = re.compile(r"\b[ad]\.\s\Z")  # 300 a. C.


def leads_on(before: str, after: str, language: str) -> bool:
    """Return whether an abbreviation before a boundary goes on in what is after it, so that it ends nothing.

    Args:
        before: the end of the text before it; 30 characters are enough.
        after: the beginning of the text behind it.
        language: ISO 639-1 code.
    """
    known = _ABBREVIATIONS.get(language)
    found = known and _LAST_WORD.search(before[-_CHARS:])
    if not known or not found or found["close"]:
        return False
    word = found["word"]
    last = word.rpartition("-")[2]  # Dipl.-Ing., A.-M.
    is_initial = ".-" in word and len(last) == 1 and not _is_in(word, known.closing)
    if after[:1].isupper() and (last in known.titles or is_initial):
        return True
    if _is_in(word, known.counted) and _LABEL.match(after):
        return True
    if after[:2] == "C." and language in ("es", "it", "pt") and _ERA.search(before):
        return True
    if _CLOCK.search(before) and _OF_CLOCK.match(after):
        return True
    is_leading = _is_in(word, known.leading)
    if after[:1].islower():
        return is_leading or any(
            _is_in(word, words) for words in (known.titles, known.counted, known.closing)
        )
    return is_leading and not opens_sentence(after, language)


def closing_ends(text: str, language: str) -> set[int]:
    """Return the boundaries behind abbreviations that end a sentence, by the word that follows.

    "He works for Acme Inc. She does not." has one, "Acme Inc. Chairman Lee" has none.
    """
    known = _ABBREVIATIONS.get(language)
    ends: set[int] = set()
    if not known:
        return ends
    for stop in _STOP.finditer(text):
        end = stop.end()
        if not opens_sentence(text[end : end + _CHARS], language):
            continue
        before = text[max(0, stop.start() - _CHARS) : end]
        found = _LAST_WORD.search(before)
        if not found:
            continue
        word = found["word"]
        spaced = (found["letter"] or "").replace(" ", "") + word  # u. a.
        start = found.start("letter") if found["letter"] else found.start("word")
        is_unit = word in _UNITS and before[:start].rstrip()[-1:].isdigit()
        if is_unit or _is_in(word, known.closing) or _is_in(spaced, known.closing):
            ends.add(end)
    return ends


def opens_sentence(after: str, language: str) -> bool:
    """Return whether a text begins with a word that sentences begin with; of an unknown language, English."""
    known = _ABBREVIATIONS.get(language) or _ABBREVIATIONS["en"]
    first = _FIRST_WORD.match(after)
    if first and first[1] in known.openers:
        return True
    return language in _ELIDING and _ELIDED.match(after) is not None


def _is_in(word: str, words: frozenset[str]) -> bool:
    """Return whether a word is listed; one in lower case is meant in any."""
    return word in words or word.lower() in words
