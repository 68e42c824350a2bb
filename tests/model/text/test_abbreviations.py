"""Abbreviations end no sentence; those that may end one do so before a word that begins the next."""

import pytest
from bigbird_pegasus.text.abbreviations import opens_sentence
from bigbird_pegasus.text.parsed_text import parse_text

AROUND = {
    "en": ("The report was read by all of the wardens.", "Boats are sent back to the port."),
    "de": (
        "Der Bericht wurde von allen Wärtern der Insel gelesen und ist nicht lang.",
        "Boote werden auf die See nicht mehr zurückgeschickt.",
    ),
    "fr": (
        "Le port est fermé pour les bateaux qui ne sont pas dans la liste du gardien et des autres.",
        "Les bateaux sont dans le port et ne partent pas.",
    ),
    "es": (
        "El puerto está cerrado para los barcos que no están en la lista del guardián y de los otros.",
        "Los barcos están en el puerto y no salen.",
    ),
    "it": (
        "Il porto è chiuso per le barche che non sono nella lista del guardiano e degli altri.",
        "Le barche sono nel porto e non escono.",
    ),
    "nl": (
        "De haven is gesloten voor de boten die niet op de lijst van de wachter staan en ook niet zijn.",
        "De boten zijn in de haven en gaan niet weg.",
    ),
    "pt": (
        "O porto está fechado para os barcos que não estão na lista do guarda e dos outros.",
        "Os barcos estão no porto e não saem.",
    ),
}
INSIDE = {
    "en": """The price is 40 euros incl. VAT and delivery.
        The fee, excl. Delivery and repair, is 40 euros.
        The council, resp. the board, decides in May.
        The rules differ, cf. App. B of the contract, or Ex. A to it.
        It was built (est. 1901) by the town from ca. 1720 on.
        Under Reg. (EU) 2016/679 and Art. 5, Sec. III and Cls. 4 to 6 this is void.
        See Cert. No. 12345 and Ref. No. AB-12 on p. 12, or call Tel. 555 1234.
        Gen. Lind, Fr. Brown, Atty. Gen. Barr and the Rev. Will Ames left Ft. Worth.
        The Natl. League and the Intl. Trade Fund use the bldg. Director Lee has left.
        It cites the Cal. Civ. Code and 110 Stat. 12 there.
        The meeting is at 10 a.m. Monday, or at 5 p.m. Eastern time.
        It weighs approx. Twenty stone.
        Acme Inc. announced that Beta Ltd. Chairman Lee has left.""",
    "de": """Der Preis beträgt 40 Euro inkl. MwSt. und zzgl. Versand.
        Nach Art. 5 Abs. 2 Nr. 3 Buchst. a gilt das lt. Plan und gem. Vertrag nicht.
        Herr Dipl.-Ing. Meier und der stellv. Leiter kamen einschl. Frau und Kind.
        Die Fa. Meier hat ca. 40 Tsd. Kunden, insb. Reeder.""",
    "fr": """Il habite bd. Saint-Germain, à St. Malo et chez le Pr. Durand.
        Voir la réf. 123, éd. 3, et le no. 5 du 3 févr. 2025.
        Il est né vers 300 av. J.-C. et mort en 20 apr. J.-C. dans la ville.
        A.-M. Durand et Mgr. Lefebvre vendent des pommes, c.-à-d. des fruits.""",
    "es": """Dña. Ana y el Cnel. López viven en la avda. Central.
        Véase la ref. 123, ed. 3, por aprox. 40 euros.
        Nació entre el 300 a. C. y el 20 d. C. en la ciudad.
        López y Cía. Ltda. está en la lista.""",
    "it": "Vedi pag. 12 e n. 5 e S. Anna nella lista.",
    "nl": "Mevr. De Vries betaalt excl. BTW en koopt fruit, d.w.z. Appels, op nr. 5.",
    "pt": "Veja a pág. 12, o cap. 4 e a Cia. Silva Ltda. na lista.",
}
ENDING = {
    "en": """We sell apples, pears, etc.|The shop is open.
        He works for Acme Inc.|She does not.
        The meeting is at 10 a.m.|We will all be there.
        He lives at 5 Elm St.|She lives next door.
        He asked for John Smith Jr.|Nobody came.
        He moved to the U.S.|He liked it there.
        It is 5 ft.|The gate is wide.
        It is 40 euros, tax incl.|The shop is open.
        See App. B.|The deed is void.
        It is rich in vitamin C.|It has no other use.
        He read vol. 2.|The book is good.
        They opened the app.|It was new.
        The gateways are SG-A, SG-B and SG-D.|Anna runs them.
        Place it in your folder /usr/est.|Anna runs it.
        The daemon is called dhcpcd.|Anna runs it.
        He saw it in the temp.|She did not.""",
    "de": """Wir verkaufen Äpfel, Birnen usw.|Der Laden ist auf.
        Wir verkaufen Äpfel, Birnen u. a.|Der Laden ist auf.
        Der Preis ist inkl. MwSt.|Der Laden ist auf.
        Es sind 40 Mio.|Das ist viel.""",
    "fr": """Il y a des pommes, des poires, etc.|Le port est fermé.
        Il y a des pommes, des poires, etc.|L'île est loin.
        Il est né en 300 av. J.-C.|Elle est plus grande.""",
    "es": """Vive en los EE. UU.|El puerto está cerrado.
        Pesa 80 kg.|Ella es más grande.""",
    "it": "Ci sono mele, pere, ecc.|Il porto è chiuso.",
    "nl": "Er zijn appels, peren enz.|De haven is dicht.",
    "pt": "Há maçãs, peras, etc.|O porto está fechado.",
}


def sentences(text: str) -> list[str]:
    return [text[s.start : s.end] for s in parse_text(text).sentences]


def cases(listed: dict[str, str]) -> list[tuple[str, str]]:
    return [(language, line.strip()) for language, text in listed.items() for line in text.splitlines()]


@pytest.mark.parametrize(("language", "sentence"), cases(INSIDE))
def test_abbreviations_end_no_sentence(language: str, sentence: str) -> None:
    before, after = AROUND[language]
    assert sentences(f"{before} {sentence} {after}") == [before, sentence, after]


@pytest.mark.parametrize(("language", "both"), cases(ENDING))
def test_abbreviations_end_a_sentence_before_a_word_that_begins_one(language: str, both: str) -> None:
    before, after = AROUND[language]
    first, second = both.split("|")
    assert sentences(f"{before} {first} {second} {after}") == [before, first, second, after]


def test_a_word_that_begins_sentences_is_known_by_language() -> None:
    assert opens_sentence("Der Laden", "de")
    assert opens_sentence("It's open", "en")
    assert opens_sentence("The shop", "xx")
    assert not opens_sentence("Theory", "en")
    assert not opens_sentence("The.shop", "en")
