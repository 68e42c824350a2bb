# ruff: noqa: E501 - inputs are kept on one line
"""Captions and exported chats become turns: speakers stay; times, tags, sounds and notices go."""

import json

import pytest

from bbp_cli.documents.document import parse
from bbp_cli.documents.formats.captions import is_captions, is_timed, text_of_captions
from bbp_cli.documents.formats.chat import is_chat, text_of_chat

VTT = """WEBVTT
Kind: captions

NOTE written by hand

1
00:00.000 --> 00:02.000 align:start
<v Anna Lind>The <i>harbour</i> was closed

00:02.000 --> 00:04.000
<v Anna Lind>for a year &amp; a day.

00:04.000 --> 00:05.000
[Applause]

00:05.000 --> 00:06.000
<v Bo>Oh <00:05.500><c>no.</c>
"""
ROLLING = """WEBVTT

00:00.000 --> 00:02.000
the harbour was

00:02.000 --> 00:04.000
the harbour was
closed for a year

00:04.000 --> 00:06.000
closed for a year
and then opened.
"""
SRT = """1
00:00:01,000 --> 00:00:02,000
{\\an8}<font color="#fff">- Where is it?
- Over there.</font>

2
00:00:03,000 --> 00:00:04,000
ANNA: Look at the
harbour now.
3
00:00:04,000 --> 00:00:05,000
\u266a la la \u266a
"""


@pytest.mark.parametrize(
    ("captions", "text"),
    [
        (VTT, "Anna Lind: The harbour was closed for a year & a day.\n\nBo: Oh no.\n"),
        (ROLLING, "the harbour was closed for a year and then opened.\n"),
        (SRT, "Where is it?\n\nOver there.\n\nANNA: Look at the harbour now.\n"),
        ("0:00:01.000,0:00:03.000\nThe quay\nis new.\n", "The quay is new.\n"),
        (
            "[Script Info]\nDialogue: 0,0:00:01.00,0:00:02.00,D,Anna,0,0,0,,The quay\\Nis new.\n",
            "Anna: The quay is new.\n",
        ),
    ],
    ids=["vtt", "rolling", "srt", "sbv", "ass"],
)
def test_cues_become_sentences(captions: str, text: str) -> None:
    assert is_captions(captions)
    assert text_of_captions(captions) == (text, ())


SPOKEN = [
    "so today we look at the harbour",
    "and what it means for the town",
    "the quay has to be rebuilt because the wood under it is rotten",
    "the council has set aside ten million euros for the work",
    "the fishermen are not happy about it at all",
    "everybody can have a look at the plans in the town hall",
    "i think it will pass because no party is against it",
]


def test_speech_without_full_stops_has_a_line_for_each_cue_and_ends_at_pauses() -> None:
    starts = [0, 2, 4, 6, 20, 22, 24]
    cues = []
    for start, line in zip(starts, SPOKEN, strict=True):
        first, second = line[: line.index(" ", 12)], line[line.index(" ", 12) + 1 :]
        cues.append(f"00:{start:02},000 --> 00:{start + 2:02},000\n{first}\n{second}\n")
    text, _ = text_of_captions("\n".join(cues))
    assert (
        text == "\n".join([f"{SPOKEN[0]} {SPOKEN[1]}", *SPOKEN[2:4]]) + "\n\n" + "\n".join(SPOKEN[4:]) + "\n"
    )


@pytest.mark.parametrize(
    "lines",
    [
        [f"0:{7 * n:02}\n{line}" for n, line in enumerate(SPOKEN)],
        [f"[00:00:{7 * n:02}] {line}" for n, line in enumerate(SPOKEN)],
        [f"[00:{7 * n:02}.000 --> 00:{7 * n + 7:02}.000]  {line}" for n, line in enumerate(SPOKEN)],
    ],
    ids=["copied from a player", "times", "whisper"],
)
def test_times_of_a_recording_go(lines: list[str]) -> None:
    document = parse("\n".join(lines).encode(), "-")
    assert document.source.media_type == "text/vtt"
    assert document.text.split() == " ".join(SPOKEN).split()


@pytest.mark.parametrize(
    "text",
    [
        "09:00 Opening\n09:30 Report of the board, which all have\n10:00 Vote\n",
        "00:01 a\n00:09 b\n00:05 c\n",
        "Words stand here.\n0:01 One.\n0:02 Two.\n0:03 Three.\n",
        "0:01 One.\nTwo.\nThree.\n" * 2,
        "",
    ],
)
def test_other_times_stay(text: str) -> None:
    assert not is_timed(text)


CHATS = {
    "whatsapp": """12/03/2024, 09:14 - Messages and calls are end-to-end encrypted. No one can read them.
12/03/2024, 09:14 - Anna created group "Harbour"
12/03/2024, 09:15 - Anna: The harbour will be closed
for a whole year.
12/03/2024, 09:16 - Bo: <Media omitted>
12/03/2024, 09:17 - Bo: Okay.
12/03/2024, 09:18 - Anna: Good.
""",
    "iphone": """\u200e[12.03.24, 09:14:02] Harbour: \u200eMessages and calls are end-to-end encrypted.
[12.03.24, 09:15:02] Anna: The harbour will be closed for a whole year.
\u200e[12.03.24, 09:15:09] Bo: \u200eimage omitted
[12.03.24, 09:16:02] Bo: Okay.
[12.03.24, 09:17:02] Anna: Good.
""",
    "slack": "Anna  9:15 AM\nThe harbour will be closed\nfor a whole year.\nBo  9:16 AM\nOkay.\nAnna  9:20 AM\nGood.\n",
    "teams": "[12/3/2024 9:15 AM] Anna\nThe harbour will be closed for a whole year.\n\n[12/3/2024 9:16 AM] Bo\nOkay.\n\n"
    "[12/3/2024 9:17 AM] Anna\nGood.\n",
    "zoom": "09:15:02 From Anna to Everyone : The harbour will be closed for a whole year.\n09:16:02 From Bo : Okay.\n"
    "09:17:02\t From  Anna : Good.\n",
    "irc": "09:02 <Anna> The harbour will be closed for a whole year.\n09:02 -!- sam has joined #x\n09:03 <Bo> Okay.\n"
    "09:04 <Anna> Good.\n",
    "transcript": "Anna (00:01:02): The harbour will be closed for a whole year.\nBo (00:01:09): Okay.\n"
    "Anna (00:02:00): Good.\n",
    "slack json": json.dumps(
        [
            {"ts": "1", "text": "The harbour will be <http://x|closed> for a whole year.", "user_profile": {"real_name": "Anna"}},
            {"ts": "2", "text": "<@U2> has joined", "user": "U2", "subtype": "channel_join"},
            {"ts": "3", "text": "Okay. :tada:", "user": "Bo"},
            {"ts": "4", "text": "Good.", "user": "Anna"},
        ]
    ),
    "telegram json": json.dumps(
        {
            "messages": [
                {"type": "service", "date": "2024", "text": ""},
                {"type": "message", "date": "2024", "from": "Anna", "text": ["The harbour will be ", {"text": "closed"}, " for a whole year."]},
                {"type": "message", "date": "2024", "from": "Bo", "text": "Okay."},
                {"type": "message", "date": "2024", "from": "Anna", "text": "Good."},
            ]
        }
    ),
}  # fmt: skip


@pytest.mark.parametrize("program", CHATS)
def test_messages_become_turns(program: str) -> None:
    assert is_chat(CHATS[program])
    text, warnings = text_of_chat(CHATS[program])
    assert text == "Anna: The harbour will be closed for a whole year.\n\nBo: Okay.\n\nAnna: Good.\n"
    assert warnings == ()


SAID = [
    ("Anna Lind", "The harbour will be closed for a year."),
    ("Bo", "Who pays for it?"),
    ("Anna Lind", "The council does."),
]
PROGRAMS = {  # how each writes a message of a number, a name and a text; and lines that no one wrote
    "whatsapp, American": ("3/12/24, 9:1{n}\u202fAM - {name}: {text}\n", "3/12/24, 9:14\u202fAM - Anna Lind added you\n3/12/24, 9:21\u202fAM - Bo: <Media omitted>\n"),
    "whatsapp, German": ("[12.03.24, 09:1{n}:11] {name}: {text}\n", "[12.03.24, 09:20:00] Bo: \u200eBild weggelassen\n[12.03.24, 09:22:00] Bo: \u200eDu hast diese Nachricht gelöscht.\n"),
    "whatsapp, Spanish": ("12/3/24 9:1{n} a.\u00a0m. - {name}: {text}\n", "12/3/24 9:20 a.\u00a0m. - Bo: <Multimedia omitido>\n12/3/24 9:21 a.\u00a0m. - Los mensajes y las llamadas están cifrados.\n"),
    "whatsapp, French": ("12/03/2024, 09:1{n} - {name}: {text}\n", "12/03/2024, 09:20 - Bo: <Médias omis>\n12/03/2024, 09:21 - Anna Lind a ajouté Bo\n"),
    "whatsapp, ISO": ("2024-03-12, 09:1{n} - {name}: {text}\n", "2024-03-12, 09:20 - Bo: null\n"),
    "slack, copied": ("{name}\n  9:1{n} AM\n{text}\n", "2 replies\nLast reply today at 10:00 AM\nView thread\nNew\n"),
    "slack, edited": ("{name}  [9:1{n} AM]\n{text} (edited)\n:+1: 2\n\n", ""),
    "teams, copied": ("[Yesterday 9:1{n} AM] {name}\n{text}\n\n", ""),
    "teams, dated": ("{name} 12/3/2024 9:1{n} AM\n{text}\n\n", ""),
    "zoom": ("2024-03-12 09:1{n}:02 From {name} to Everyone:\n\t{text}\n", ""),
    "zoom, saved": ("00:1{n}:02\t{name}:\t{text}\n", ""),
    "otter": ("{name}  0:0{n}\n{text}\n\n", "Transcribed by https://otter.ai\n"),
    "telegram": ("{name}, [12.03.2024 09:1{n}]\n{text}\n\n", ""),
    "discord": ("{name} \u2014 Today at 9:1{n} AM\n{text}\n", ""),
    "Markdown": ("**{name}** (0{n}:12): {text}\n\n", ""),
    "brackets": ("{name} [00:0{n}:12]\n{text}\n\n", ""),
}  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_s_messages_are_read(program: str) -> None:
    message, others = PROGRAMS[program]
    text = "".join(message.format(n=n, name=name, text=said) for n, (name, said) in enumerate(SAID)) + others
    document = parse(text.encode(), "-")
    assert document.source.media_type == "text/x-chat"
    assert document.text == "\n\n".join(f"{name}: {said}" for name, said in SAID) + "\n"


def test_names_on_the_first_line_of_cues_are_speakers() -> None:
    cues = "".join(f"0:0:{n}.0 --> 0:0:{n}.900\n{name}\n{said}\n\n" for n, (name, said) in enumerate(SAID))
    assert text_of_captions(cues)[0] == "\n\n".join(f"{name}: {said}" for name, said in SAID) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01 10:00:01 ERROR: disk full\n2024-01-01 10:00:02 ERROR: disk full\n2024-01-01"
        " 10:00:03 INFO: done\n",
        "At 10:15 Anna said no. The boat left.\nIt was fine.\n" * 3,
        "ANNA: Good morning.\nBEN: Morning.\nANNA: Yes.\n",
        '[{"name": "a"}, {"name": "b"}]',
        "[[[[",
    ],
)
def test_other_texts_are_no_chat(text: str) -> None:
    assert not is_chat(text)


MESSAGES = (
    ("10:02:33", "maria", "is the staging server down for anyone else?"),
    ("10:03:01", "Jonas", "Yes, since 9:40. I have seen it too."),
    ("10:04:12", "priya_k", "I restarted the proxy but it did not help."),
    ("10:08:20", "maria", "ok let us revert it now and fix it later"),
)
TURNS = "".join(f"{name}: {text}\n\n" for _, name, text in MESSAGES)[:-1]


@pytest.mark.parametrize(
    "form",
    [
        "[{time}] {name}: {text}",
        "[{time} AM] {name}: {text}",
        "({time}) {name}: {text}",
        "{time} {name}: {text}",
        "{time} - {name}: {text}",
        "{time}, {name}: {text}",
        "{time} | {name} | {text}",
        "[{time}] {name}> {text}",
        "- [{time}] {name}: {text}",
        "{time} <{name}> {text}",
        "<{name}> {text}",
        "<@{name}> {text}",
        "{name} ({time}): {text}",
        "{name} [{time}]: {text}",
        "**{name}** [{time}]: {text}",
        "@{name} {time}: {text}",
        "{name}, {time}: {text}",
        "{name} at {time}: {text}",
        "{name} - {time} - {text}",
        "{name}, [05.11.2026 {time}]: {text}",
        "{name}, [05.11.26 {time}]\n{text}\n",
        "2026-11-05 {time} {name}: {text}",
        "[2026-11-05T{time}Z] {name}: {text}",
    ],
)
@pytest.mark.parametrize("digits", [5, 8])
def test_messages_with_a_time_and_a_name_in_any_order_become_turns(form: str, digits: int) -> None:
    lines = [form.format(time=time[:digits], name=name, text=text) for time, name, text in MESSAGES]
    document = parse("\n".join(lines).encode(), "chat.txt")
    assert (document.source.media_type, document.text) == ("text/x-chat", TURNS)


@pytest.mark.parametrize(
    "text",
    [
        "10:02 depart: platform 4\n10:30 arrive: platform 2\n10:45 depart: platform 7\n11:10 arrive: platform 1\n",
        "10:02:33 nginx: worker started\n10:02:34 sshd: session opened\n10:02:35 nginx: worker ended\n10:02:36 cron: ran\n",
        "break (10:30): coffee and cake\ntalk (11:00): harbours\nbreak (12:30): soup\ntalk (14:00): quays\n",
        "<name> The boat.</name>\n<name> The quay.</name>\n<port> The port.</port>\n",
        "<file> reads from a file\n<file> writes to a file\n<dir> names a folder\n",
    ],
    ids=["timetable", "log", "agenda", "tags", "usage"],
)
def test_lines_with_times_and_names_that_no_one_says_are_no_chat(text: str) -> None:
    assert not is_chat(text)
