"""Exported chats and transcripts with times (WhatsApp, Slack, Teams, Zoom, Telegram, IRC, …) → turns.

Speakers stay, times go, and so do lines that no one wrote: notices of encryption, joins, deleted messages.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from bigbird_pegasus.text.line_patterns import MIN_PERSONAL_SHARE, PERSONAL

from bbp_cli.documents.formats.turns import join_turns

_DATE = (
    r"(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}[ -](?:[A-Za-z]{3,9})[ -]\d{2,4}"
    r"|[A-Za-z]{3,9} \d{1,2},? \d{4}|(?:Yester|To|Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|Heute|Gestern"
    r"|Hier|Aujourd.hui|Hoy|Ayer|Oggi|Ieri)"
)
_CLOCK = (
    r"\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:[.,]\d{1,3})?(?:[\s\u202f\u00a0]?[AaPp]\.?[\s\u202f\u00a0]?[Mm]\.?)?"
)
_STAMP = rf"(?:{_DATE}(?:(?:,|\s+at|\s+um|\s+à)?\s+|T){_CLOCK}Z?|{_CLOCK}(?:\s+{_DATE})?)"
# Words with one space between them: with any white space in it, a line of spaces would take a second.
_NAME = r"[^\s:<>\[\]]{1,40}?(?:[ \u00a0][^\s:<>\[\]]{1,40}?){0,7}?"
_TO = r"(?:\s+[Tt]o\s+[^:\s](?:[^:\n]{0,59}[^:\s])?)"  # ends with a word: the space behind it is not split
_MESSAGES = tuple(  # each with `name` and `text`; a message goes on over the lines below
    re.compile(pattern)
    for pattern in (
        rf"\[{_STAMP}\]\s*(?:From\s+)?<?(?P<name>{_NAME})>?\s*:\s+(?P<text>.*)",
        rf"{_DATE},?\s+{_CLOCK}\s+[-\u2013]\s+(?P<name>{_NAME}):\s+(?P<text>.*)",
        rf"{_CLOCK}\s+[Ff]rom\s+(?P<name>{_NAME}){_TO}?\s*:\s*(?P<text>.*)",  # Zoom
        rf"\[?{_STAMP}\]?\s*<[@+%&~]?(?P<name>[^\s<>]{{1,40}})>\s+(?P<text>.*)",  # IRC
        rf"\(?{_STAMP}\)?\s+(?:[-\u2013]\s+)?(?P<name>[A-Z\u00c0-\u00de]{_NAME}):\s+(?P<text>.*)",
        rf"(?:\*\*|__)?(?P<name>[A-Z\u00c0-\u00de]{_NAME})(?:\*\*|__)?\s*[\[(]{_CLOCK}[\])]\s*:\s*(?P<text>.*)",
    )
)
_ABOVE = tuple(  # a line of its own above what is written
    re.compile(pattern + r"\s*$")
    for pattern in (
        rf"{_STAMP}\s+[Ff]rom\s+(?P<name>{_NAME}){_TO}?\s*:",  # Zoom
        rf"\[{_STAMP}\]\s+(?P<name>{_NAME})",  # Teams, Discord
        rf"(?P<name>[A-Z\u00c0-\u00de]{_NAME})(?:\s*\u2014\s*|\s+)[\[(]?(?:Today at |Yesterday at"
        rf" )?{_STAMP}[\])]?",  # Slack, Otter
        rf"{_CLOCK}\s+(?P<name>[A-Z\u00c0-\u00de][\w.'\u2019-]*(?:"
        rf" [A-Z\u00c0-\u00de][\w.'\u2019-]*){{0,2}})",  # 00:00:03 Host
    )
)
# Lines that may be of other texts too, where names may be in lower case: see `_is_talk`.
_HANDLE = r"@?(?P<name>[^\W\d_][\w.'\u2019-]{0,30}(?: [^\W\d_][\w.'\u2019-]{0,30}){0,2}?)"
_BULLET = r"(?:[-*\u2022]\s+)?"
_LOOSE_MESSAGES = tuple(
    re.compile(pattern)
    for pattern in (
        # 10:02 - jo:
        rf"{_BULLET}[\[(]?{_STAMP}[\])]?\s*(?:[-\u2013|,]\s*)?<?{_HANDLE}>?\s?[:>|]\s+(?P<text>.*)",
        rf"{_BULLET}(?:\*\*|__)?{_HANDLE}(?:\*\*|__)?\s?(?:,|[-\u2013]|\bat\b)?\s*[\[(]?{_STAMP}[\])]?\s?"
        r"(?::|\||[-\u2013](?=\s))\s+(?P<text>.*)",  # jo (10:02):
        r"<[@+%&~]?(?P<name>[^\s<>/]{1,40})>\s+(?P<text>.*)",  # <jo>
    )
)
_LOOSE_ABOVE = (re.compile(rf"{_HANDLE},?\s+[\[(]?{_STAMP}[\])]?\s*$"),)  # jo, [05.11.26 10:02]
_TIME_BELOW = re.compile(  # Slack: the time stands on the line below the name
    rf"^([A-Z\u00c0-\u00de][\w.'\u2019-]{{0,30}}(?: [A-Z\u00c0-\u00de][\w.'\u2019-]{{0,30}}){{0,3}} ?)"
    rf"\n[ \t]*({_CLOCK})[ \t]*$",
    re.MULTILINE,
)
_CHROME = re.compile(  # of Slack's window, between the messages
    r"\s*(?:\d{1,3} repl(?:y|ies)|last reply .{1,60}|view thread|also sent to the channel|new|\(edited\)"
    r"|:[\w+-]{1,40}:(?:\s*\d{1,3})?|transcribed by \S{1,60})\s*$",
    re.IGNORECASE,
)
_STAMPED = re.compile(rf"\s*[\[(]?{_STAMP}[\])]?\s*(?:[-\u2013*]|-!-|\u2022|$|\S)")
_DAY = re.compile(
    rf"[-\u2014\u2013\s]*(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,?\s*)?(?:{_DATE})[-\u2014\u2013 ]*$"
)
_INVISIBLE = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SYSTEM = re.compile(
    r"\s*(?:messages and calls are end-to-end encrypted|messages to this (?:chat|group)|nachrichten"
    r" und anrufe sind"
    r"|you(?:'re| are) now |security code|missed (?:voice|video|group) call|(?:voice|video) call\b"
    r"|this message was deleted|you deleted this message|diese nachricht wurde gelöscht"
    r"|du hast diese nachricht gelöscht"
    r"|ce message a été supprimé|vous avez supprimé ce message|les messages et les appels sont chiffrés"
    r"|los mensajes y las llamadas están cifrados|se eliminó este mensaje|eliminaste este mensaje"
    r"|i messaggi e le chiamate sono|questo messaggio è stato eliminato"
    r"|as mensagens e (?:as )?(?:chamadas|ligações)"
    r"|mensagem apagada|berichten en oproepen zijn|dit bericht is verwijderd|verpasster? (?:sprach|video)"
    r"|(?:sprach|video)anruf\b|appel (?:vocal|vidéo)|llamada (?:perdida|de voz)"
    r"|<?(?:media|image|video|audio|gif|sticker|document|photo|medien|bild|foto|dokument|médias?|multimedia"
    r"|archivo|imagen|immagine|afbeelding|arquivo de mídia)(?: (?:omitted|ausgeschlossen|weggelassen|omis"
    r"|omess[oa]|omitid[oa]|oculto|weggelaten|absente?))>?|null$|waiting for this message"
    r"|the recording has (?:started|stopped)|recording (?:started|stopped))",
    re.IGNORECASE,
)
_EVENT = re.compile(
    r"\b(?:joined|left|added|removed|created|changed|pinned|renamed|started|hinzugefügt"
    r"|verlassen|erstellt|a ajouté|a quitté|añadió|salió)\b"
)  # in place of a name
_OMITTED = re.compile(
    r"\s\(edited\)\s*$|"
    r"<[^<>]{1,60}(?:omitted|attached|edited|ausgeschlossen|angehängt|bearbeitet)[^<>]{0,30}>"
    r"|\(file attached\)|\bthis message was edited\b",
    re.IGNORECASE,
)
_MIN_MESSAGES = 3
_MIN_SHARE = 0.2  # of the lines begin a message
_SEEN = 400  # characters of a line
_SLACK_LINK = re.compile(r"<([^<>|]{1,500})(?:\|([^<>]{0,300}))?>")
_EMOJI = re.compile(r":[a-z0-9_+-]{1,40}:")


def is_chat(text: str, suffix: str = "") -> bool:
    """Return whether a text is an exported chat: lines that begin with a time and a name."""
    if text[:2000].lstrip().startswith(("[", "{")) and _exported(text) is not None:
        return True
    return _forms_of(text) is not None


def text_of_chat(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the messages of a chat, those of one person in a row joined; and no warnings."""
    exported = _exported(text) if text[:2000].lstrip().startswith(("[", "{")) else None
    said = exported if exported is not None else _messages(text, *(_forms_of(text) or _STRICT))
    return join_turns((name, words, True) for name, words in said), ()


_Forms = tuple[re.Pattern[str], ...]
_STRICT = _MESSAGES, _ABOVE
_LOOSE = (*_MESSAGES, *_LOOSE_MESSAGES), (*_ABOVE, *_LOOSE_ABOVE)


def _forms_of(text: str) -> tuple[_Forms, _Forms] | None:
    """Return how the messages of a chat begin, in their line and in the line above; None for other texts."""
    sample = _TIME_BELOW.sub(r"\1  \2", text[:100_000])
    lines = [_INVISIBLE.sub("", line[:_SEEN]) for line in sample.split("\n") if line.strip()]
    if _has_messages(lines, *_STRICT):
        return _STRICT
    if _has_messages(lines, *_LOOSE) and _is_talk(sample, *_LOOSE):
        return _LOOSE
    return None


def _has_messages(lines: list[str], messages: _Forms, above: _Forms) -> bool:
    """Return whether enough lines begin a message, at least two by the same person."""
    found = [match["name"] for line in lines if (match := _match(line, messages))]
    alone = [match["name"] for line in lines if (match := _match(line, above))]
    names = found if len(found) >= len(alone) else alone
    if len(names) < max(_MIN_MESSAGES, _MIN_SHARE * len(lines)):
        return False
    return max(Counter(names).values()) >= 2 and not any(_is_level(name) for name in names[:20])


def _is_talk(text: str, messages: _Forms, above: _Forms) -> bool:
    """Return whether two or more people speak, and to each other: not a log, a timetable or tags."""
    said = list(_messages(text, messages, above))
    personal = sum(PERSONAL.search(words[:_SEEN]) is not None for _, words in said)
    names = {name for name, _ in said}
    return len(names) >= 2 and personal >= MIN_PERSONAL_SHARE * len(said) and f"</{min(names)}>" not in text


def _match(line: str, forms: _Forms) -> re.Match[str] | None:
    return next((match for form in forms if (match := form.match(line))), None)


def _is_level(name: str) -> bool:
    """Return whether a name is the level of a line of a log: `2024-01-01 10:00 ERROR: …`."""
    return name.strip().lower() in (
        "error",
        "warning",
        "warn",
        "info",
        "debug",
        "fatal",
        "notice",
        "critical",
        "trace",
    )


def _messages(text: str, messages: _Forms, forms_above: _Forms) -> Iterator[tuple[str, str]]:
    name = ""
    said: list[str] = []
    for line in [*_TIME_BELOW.sub(r"\1  \2", text).split("\n"), None]:
        shown = _INVISIBLE.sub("", line[:_SEEN]) if line is not None else ""
        match = _match(shown, messages)
        above = None if match else _match(shown, forms_above)
        system = not match and not above and bool(_STAMPED.match(shown) or _DAY.match(shown))
        if line is None or match or above or system:
            if said:
                yield name, " ".join(said)
            said = []
        if line is None:
            return
        clean = _INVISIBLE.sub("", line)
        if match and _EVENT.search(match["name"]):
            name = ""
        elif match:
            name = " ".join(match["name"].split())
            written = clean[match.start("text") :]
            said = [] if _SYSTEM.match(written) else [_OMITTED.sub("", written)]
        elif above:
            name = " ".join(above["name"].split()).rstrip(",")
        elif system:
            name = name if _DAY.match(shown) else ""
        elif (
            (said or name)
            and shown.strip()
            and not _CHROME.match(shown)
            and (said or not _SYSTEM.match(shown))
        ):
            said.append(_OMITTED.sub("", clean))


def _exported(text: str) -> list[tuple[str, str]] | None:
    """Return (name, text) of the messages in JSON of Slack, Teams, Telegram; None for other JSON."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(data, dict):
        data = data.get("messages", data.get("value"))
    if not isinstance(data, list) or len(data) < 2 or not all(isinstance(item, dict) for item in data):
        return None
    found = [message for item in data if (message := _of_json(item)) is not None]
    return [message for message in found if message[1].strip()] if len(found) >= 0.5 * len(data) else None


def _of_json(item: dict[str, Any]) -> tuple[str, str] | None:
    """Return (name, text) of one message, "" for one that no one wrote, None where it is no message."""
    who = (
        item.get("user_profile")
        or item.get("from")
        or item.get("author")
        or item.get("user")
        or item.get("sender")
    )
    said = item.get("text", item.get("content", item.get("body")))
    if (
        not any(key in item for key in ("ts", "date", "timestamp", "createdDateTime", "date_unixtime"))
        or said is None
    ):
        return None
    if (
        item.get("subtype")
        or item.get("type") in ("service", "RecipientAdd", "GuildMemberJoin")
        or item.get("messageType") == "systemEventMessage"
    ):
        return "", ""
    if isinstance(who, dict):
        who = who.get("user", who) if isinstance(who.get("user"), dict) else who
        who = next(
            (
                who[key]
                for key in ("real_name", "display_name", "displayName", "nickname", "name")
                if isinstance(who.get(key), str) and who[key]
            ),
            "",
        )
    if isinstance(said, dict):
        said = said.get("content", "")
    if isinstance(said, list):  # Telegram: pieces, some of them formatted
        said = "".join(
            piece if isinstance(piece, str) else str(piece.get("text", ""))
            for piece in said
            if isinstance(piece, str | dict)
        )
    said = str(said)
    if "<" in said:
        from bbp_cli.documents.formats.html import is_html, text_of_page

        said = text_of_page(said) if is_html(said) else _SLACK_LINK.sub(_link_text, said)
    return str(who or "").strip() or "Unknown", _EMOJI.sub("", said).replace("&amp;", "&").replace(
        "&lt;", "<"
    ).replace("&gt;", ">")


def _link_text(match: re.Match[str]) -> str:
    target, label = match[1], match[2]
    return label or ("" if target.startswith(("@", "#", "!")) else target)
