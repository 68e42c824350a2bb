"""Detecting a text's language."""

# ruff: noqa: RUF001

from pathlib import Path

import pytest
from bigbird_pegasus.text.language import NAMES, detect_language

DOCUMENTS = Path(__file__).resolve().parents[2] / "cli" / "data"
TEXTS = {
    "de": (
        "Der Hafen war gestern den ganzen Tag gesperrt, weil sich auf dem Wasser eine dünne "
        "Schicht Öl zeigte, und niemand weiß, woher sie kam."
    ),
    "fr": (
        "Le port est resté fermé hier pendant toute la journée, parce que les gardes ont vu une "
        "couche d'huile sur l'eau et que personne ne sait d'où elle vient."
    ),
    "es": (
        "El puerto estuvo cerrado ayer durante todo el día, porque los guardias vieron una capa "
        "de aceite en el agua y nadie sabe de dónde viene."
    ),
    "it": (
        "Il porto è rimasto chiuso ieri per tutto il giorno, perché le guardie hanno visto uno "
        "strato di olio nell'acqua e nessuno sa da dove viene, ma non è la prima volta che si "
        "vede."
    ),
    "pt": (
        "O porto esteve fechado ontem durante todo o dia, porque os guardas viram uma camada de "
        "óleo na água e ninguém sabe de onde vem, mas não foi a primeira vez."
    ),
    "nl": (
        "De haven was gisteren de hele dag gesloten, omdat er een dunne laag olie op het water "
        "lag en niemand weet waar die vandaan kwam, maar het is niet de eerste keer."
    ),
    "pl": (
        "Port był wczoraj zamknięty przez cały dzień, ponieważ na wodzie pojawiła się cienka "
        "warstwa oleju i nikt nie wie, skąd się wzięła, ale to nie jest pierwszy raz."
    ),
    "cs": (
        "Přístav byl včera celý den zavřený, protože se na vodě objevila tenká vrstva oleje a "
        "nikdo neví, odkud se vzala, ale není to poprvé, co se něco takového stalo."
    ),
    "sv": (
        "Hamnen var stängd hela dagen i går, för det låg ett tunt lager olja på vattnet och ingen "
        "vet var den kom ifrån, men det är inte första gången som det händer."
    ),
    "fi": (
        "Satama oli eilen suljettu koko päivän, koska vedessä oli ohut kerros öljyä ja kukaan ei "
        "tiedä, mistä se on tullut, mutta tämä ei ole ensimmäinen kerta kun niin käy."
    ),
    "hu": (
        "A kikötő tegnap egész nap zárva volt, mert a vízen egy vékony olajréteg volt, és senki "
        "nem tudja, hogy az honnan jött, de nem ez az első eset, hogy ilyen történt."
    ),
    "tr": (
        "Liman dün bütün gün kapalıydı, çünkü suyun üzerinde ince bir yağ tabakası vardı ve bu "
        "yağın nereden geldiğini kimse bilmiyor, ama bu ilk değil ve son da değil gibi."
    ),
    "uk": (
        "Порт учора був закритий увесь день, бо на воді була тонка плівка нафти, і ніхто не знає, "
        "звідки вона взялася, але це не вперше так було, та й не востаннє."
    ),
    "el": "Το λιμάνι ήταν κλειστό όλη την ημέρα χθες, γιατί υπήρχε λάδι στο νερό.",
    "ja": "昨日、港は一日中閉鎖されていました。水面に油の膜が見つかったからです。",
    "ko": "어제 항구는 하루 종일 닫혀 있었습니다. 물 위에 기름이 떠 있었기 때문입니다.",
    "ar": "كان الميناء مغلقا أمس طوال اليوم لأن طبقة من الزيت ظهرت على الماء.",
    "hi": "कल बंदरगाह पूरे दिन बंद रहा क्योंकि पानी पर तेल की एक पतली परत दिखाई दी।",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_sentence_or_two_are_enough(language: str) -> None:
    assert language in NAMES
    assert detect_language(TEXTS[language]) == language


def test_short_news_in_french_is_not_as_much_romanian() -> None:
    text = (
        "Le maire de Saint-Aubin a annoncé jeudi la fermeture de l'école primaire, faute d'élèves. « C'est "
        "une décision difficile », a-t-il déclaré. Seuls neuf enfants y étaient inscrits cette année, contre "
        "34 en 2010. Les élèves iront désormais à Villeneuve, à 12 km."
    )
    assert detect_language(text) == "fr"


def test_danish_and_norwegian_are_distinguished_where_words_differ() -> None:
    danish = "Havnen blev lukket i går, og der blev fundet olie på vandet, så skibene måtte vente hele natten"
    norwegian = (
        "Havnen ble stengt i går, og det ble funnet olje på vannet, så skipene måtte vente hele natten"
    )
    both = " på det som er i byen."
    assert detect_language(danish + both) == "da"
    assert detect_language(norwegian + both) == "no"


@pytest.mark.parametrize(
    "text",
    ["", "Hallo Welt", "1 2 3 4 5 " * 40, "foo(bar) = baz[qux] + quux;\n" * 20, "中文"],
)
def test_little_or_no_text_is_in_no_language(text: str) -> None:
    assert detect_language(text) is None


def test_english_of_many_kinds_is_english_or_unknown() -> None:
    names = ("german", "french", "spanish", "russian", "chinese")
    english = [path for path in DOCUMENTS.iterdir() if path.stem not in names]
    assert len(english) >= 20
    assert {detect_language(path.read_text(encoding="utf-8")) for path in english} <= {"en", None}


def test_a_quotation_does_not_change_the_language() -> None:
    english = (DOCUMENTS / "news.txt").read_text(encoding="utf-8")
    assert detect_language(english + TEXTS["de"]) == "en"


def test_a_mixture_of_scripts_is_in_no_language() -> None:
    assert (
        detect_language(TEXTS["el"][:40] + TEXTS["ko"][:40] + TEXTS["ar"][:30] + "abcdefghijklmnopqrs")
        is None
    )
