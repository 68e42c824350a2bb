# ruff: noqa: RUF001 - signs and letters of other languages are meant
"""What of a mail's text is not the message: older messages, whatever client quoted them; disclaimers.

Such lines get `> ` in front, the mark that readers of mail know, and that the choice of sentences knows.
"""

import re

_NAMES = r"From|Von|De|Da|Van|Från|Fra|Od|Lähettäjä|Kimden|От|发件人|差出人"
_SENT = (
    r"Sent|Date|Gesendet|Datum|Envoyé|Enviado(?: el)?|Enviada em|Inviato|Data|Verzonden|Skickat"
    r"|Sendt|Fecha|Wysłano|Odesláno"
    r"|Lähetetty|Gönderilme Tarihi|Отправлено|Дата|发送时间|日期|送信日時"
)
_OTHER = (
    r"To|Cc|Subject|An|Betreff|À|Objet|Para|Asunto|A|Oggetto|Aan|Onderwerp|Till|Ämne|Til|Emne|Assunto|Do|Temat"
    r"|Komu|Předmět|Кому|Тема|收件人|主题|件名"
)
_HEADER_LINE = re.compile(rf"\s*\*?(?:{_NAMES}|{_SENT}|{_OTHER})\s?[:：]\*?(?:\s|$)", re.IGNORECASE)
_FROM_LINE = re.compile(rf"\s*\*?(?:{_NAMES})\s?[:：]\*?\s", re.IGNORECASE)
_SENT_LINE = re.compile(rf"\s*\*?(?:{_SENT})\s?[:：]\*?\s", re.IGNORECASE)
_SEPARATOR = re.compile(
    r"\s*(?:[-_*=]{2,}\s*(?:original message|forwarded message|original appointment|ursprüngliche"
    r" nachricht|weitergeleitete nachricht"
    r"|message d'origine|message transféré|mensaje original|messaggio originale|oorspronkelijk"
    r" bericht|mensagem original"
    r"|исходное сообщение|原始邮件)\s*[-_*=]*|begin forwarded message:|anfang der weitergeleiteten"
    r" nachricht:)\s*$",
    re.IGNORECASE,
)
_WROTE = re.compile(
    r"\s*\S.{0,300}(?:\bwrote|schrieb.{0,80}|a écrit|escribió|ha scritto|schreef|escreveu|skrev"
    r"|napisał(?:\(a\))?|napsal(?:\(a\))?|kirjoitti"
    r"|tarihinde.{0,80}yazdı|пишет|написал\(?а?\)?|写道)\s?[:：]\s*$",
    re.IGNORECASE | re.DOTALL,
)
_DATED = re.compile(r"\d|<[^<>\s]+@[^<>\s]+>|@")
_DISCLAIMER = re.compile(
    r"\b(?:(?:if you are )?not the (?:intended|named|right) (?:recipient|addressee)|intended"
    r" recipients?\b|for the (?:sole )?use of the (?:individual|person|addressee)"
    r"|received (?:this|the) (?:e-?mail|message|communication|transmission)[^.]{0,40} (?:in error|by mistake)"
    r"|(?:confidential|privileged)[^.]{0,60}(?:and/or|and|or)[^.]{0,40}(?:privileged|confidential"
    r"|proprietary)"
    r"|consider the environment|think before (?:you )?print|(?:been )?(?:scanned|checked) (?:for"
    r"|by) (?:all )?(?:known )?(?:virus|\w+ antivirus|avast)|virus-free"
    r"|nicht der (?:richtige|beabsichtigte|vorgesehene) (?:adressat|empfänger)|irrtümlich erhalten"
    r"|vertrauliche (?:und|oder|informationen)"
    r"|n'êtes pas (?:le|la) destinataire|reçu ce (?:message|courriel) par erreur|no es (?:usted"
    r" )?el destinatario|recibido este (?:mensaje|correo) por error"
    r"|non (?:è|siete) il destinatario|niet (?:de|voor u) (?:beoogde|bestemd))",
    re.IGNORECASE,
)
_MAX_DISCLAIMER = 3000  # characters of its paragraph that are looked at
_MIN_HEADERS = 3  # of an older message: From, Sent and another one


def set_apart(text: str) -> str:
    """Return the text of a mail with `> ` before the lines of older messages and disclaimers."""
    lines = text.split("\n")
    result: list[str] = []
    quoting = False
    disclaimer = False
    number = 0
    while number < len(lines):
        line = lines[number]
        begins, length = (False, 0) if quoting else _begins_older(lines, number)
        if begins:
            quoting = True
        elif not quoting and length:  # "On … wrote:" over quoted lines, which are marked already
            result += lines[number : number + length]
            number += length
            continue
        if not quoting and (number == 0 or not lines[number - 1].strip()):
            disclaimer = number > 0 and _DISCLAIMER.search(_paragraph(lines, number)) is not None
        marked = quoting or (disclaimer and not line.startswith(">"))
        result.append(f"> {line}".rstrip() if marked and line.strip() else line)
        number += 1
    return "\n".join(result)


def _paragraph(lines: list[str], number: int) -> str:
    """Return the lines from one on up to a blank one, joined."""
    found: list[str] = []
    length = 0
    while number < len(lines) and lines[number].strip() and length < _MAX_DISCLAIMER:
        found.append(lines[number][:_MAX_DISCLAIMER])
        length += len(lines[number])
        number += 1
    return " ".join(found)


def _begins_older(lines: list[str], number: int) -> tuple[bool, int]:
    """Return whether all below a line is an older message, and the length of a "wrote" above quoted lines."""
    line = lines[number][:400]
    if line.startswith(">") or not line.strip():
        return False, 0
    if _SEPARATOR.match(line):
        return True, 0
    if _FROM_LINE.match(line):
        block = [other[:400] for other in lines[number : number + 12] if other.strip()]
        headers = 0
        for other in block:
            if not _HEADER_LINE.match(other):
                break
            headers += 1
        sent = any(_SENT_LINE.match(other) for other in block[:headers])
        return headers >= _MIN_HEADERS and sent, 0
    for length in (1, 2, 3):
        shown = "\n".join(lines[number : number + length])[:500]
        if _WROTE.match(shown) and _DATED.search(shown):
            below = next(
                (other for other in lines[number + length : number + length + 6] if other.strip()), ""
            )
            return not below.startswith(">"), length
        if not lines[number + length - 1 : number + length] or not lines[number + length - 1].strip():
            break
    return False, 0
