# ruff: noqa: E501 - inputs are kept on one line
"""What is no prose is said, and what can be read of it is read."""

from contextlib import suppress

import pytest

from bbp_cli.documents.document import parse
from bbp_cli.documents.not_prose import reads_like
from bbp_cli.errors import InputError

SENTENCE = "The harbour was closed for a year while the quay was rebuilt."
OTHER = "Boats had to use the mouth of the river, which is narrow."


def read(text: str, name: str = "-") -> tuple[str, str]:
    document = parse(text.encode(), name)
    return document.text.strip("\n"), "; ".join(document.warnings)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("JSON", f'{{"id": 7, "body": ["{SENTENCE}", {{"x": "{OTHER}"}}], "tag": "a b"}}'),
        ("JSON Lines", f'{{"t": "{SENTENCE}"}}\n{{"t": "{OTHER}"}}\n'),
        ("CSV", f'id,text,when\n1,"{SENTENCE}",2024\n2,"{OTHER}",2025\n3,none,2026\n'),
        ("CSV", f'id;text;when\n1;"{SENTENCE}";2024\n2;"{OTHER}";2025\n3;none;2026\n'),
        ("tab-separated values", f"id\ttext\twhen\n1\t{SENTENCE}\t2024\n2\t{OTHER}\t2025\n3\tno\t2026\n"),
    ],
)
def test_fields_of_text_are_read_of_data(kind: str, text: str) -> None:
    shown, warning = read(text)
    hints = {"JSON": "", "JSON Lines": " (--jsonl reads each line as a document)"}
    hint = hints.get(kind, " (--column NAME reads each row as a document)")
    assert warning == f"reads like {kind}, not prose: only its fields of text are read{hint}"
    assert shown == f"{SENTENCE}\n\n{OTHER}"


def test_xml_is_its_text() -> None:
    shown, warning = read(
        f"<?xml version='1.0'?>\n<a><b>{SENTENCE}</b><p>One <i>word</i> &amp; more.</p></a>"
    )
    assert shown == f"{SENTENCE}\n\nOne word & more."
    assert "reads like XML" in warning


def test_a_log_loses_its_times_and_its_last_error_is_said() -> None:
    log = (
        "2024-01-01 10:00:01,123 INFO  Server started on this port\n"
        "2024-01-01 10:00:02,123 ERROR Disk is nearly full\n"
        "2024-01-01 10:00:03,123 ERROR Disk is full\n"
        "2024-01-01 10:00:04,123 INFO  Server started on this port\n"
    )
    shown, warning = read(log)
    assert shown == "Server started on this port\n\nDisk is nearly full\n\nDisk is full"
    assert warning == "reads like a log, not prose; its last error is in line 3: ERROR Disk is full"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("PostScript", "%!PS-Adobe-3.0\n/Times findfont 12 scalefont setfont\n(words) show\n"),
        (
            "source code",
            "import os\n\n\ndef main(path):\n    x = os.stat(path)\n    return x.size\n\n\nmain('a')\n",
        ),
        ("source code", "#include <a.h>\nint main(void) {\n  int x = 1;\n  return x;\n}\n"),
        (
            "a patch",
            "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-old words\n+new words\n more words\n",
        ),
        ("settings", "[server]\nhost = example\nport = 80\n[client]\nname = boat\nsize = 7\n"),
        ("encoded data", ("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlq\n") * 6),
    ],
)
def test_other_kinds_are_said(kind: str, text: str) -> None:
    assert read(text) == (text.strip("\n"), f"reads like {kind}, not prose: take the result with care")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("CSV", "".join(f"{n},{n * 7},{n * 13}\n" for n in range(100, 130))),
        ("JSON", '{"id": 1234567, "sizes": [100, 200, 300], "tag": "boat"}'),
        ("JSON Lines", '{"id": 1234567, "tag": "boat"}\n' * 5),
    ],
)
def test_data_without_a_field_of_text_is_refused(kind: str, text: str) -> None:
    with pytest.raises(
        InputError, match=f"reads like {kind}, not prose: no field of it holds text"
    ) as refused:
        read(text)
    assert (refused.value.code, refused.value.exit_code) == ("no_text", 3)


@pytest.mark.parametrize("element", ["description", "content:encoded"])
def test_escaped_html_in_a_feed_is_read_as_html(element: str) -> None:
    escaped = (
        f"&lt;p&gt;{SENTENCE}&lt;/p&gt;&lt;p&gt;It is a &lt;b&gt;caf&amp;eacute;&lt;/b&gt; now.&lt;/p&gt;"
    )
    feed = (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>Harbour</title><item>'
        f"<{element}>{escaped}</{element}></item><item><description>{OTHER}</description></item></channel></rss>"
    )
    text, _ = read(feed, "feed.xml")
    assert text == f"Harbour\n\n{SENTENCE}\n\nIt is a café now.\n\n{OTHER}"


@pytest.mark.parametrize(
    ("log", "line", "error"),
    [
        ("Nov  3 10:00:01 host sshd[12]: started\n" * 3 + "Nov  3 10:00:02 host sshd[12]: fatal: Timeout\n", 4, "fatal: Timeout"),
        ("2024-01-01 10:00:00 INFO start\nTraceback (most recent call last):\n  File \"a.py\", line 3\n    main()\nValueError: it is closed\n2024-01-01 10:00:01 INFO end\n", 5, "ValueError: it is closed"),
        ("2024-01-01 10:00:00 INFO a\n2024-01-01 10:00:00 ERROR b\n\tat c.d(E.java:1)\n\tat c.d(E.java:2)\nCaused by: x\n\t... 3 more\n", 2, "ERROR b"),
        ('127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 23\n' * 3 + '::1 - - [10/Oct/2000:13:55:36 -0700] "GET /b HTTP/1.0" 500 12\n', 4, '::1 - - [10/Oct/2000:13:55:36 -0700] "GET /b HTTP/1.0" 500 12'),
    ],
    ids=["syslog", "traceback", "Java", "web server"],
)  # fmt: skip
def test_the_last_error_of_a_log_is_found(log: str, line: int, error: str) -> None:
    assert read(log)[1] == f"reads like a log, not prose; its last error is in line {line}: {error}"


def test_the_last_error_of_a_log_in_json_is_found() -> None:
    log = "".join(
        f'{{"level": "{level}", "msg": "{text}"}}\n'
        for level, text in [("info", SENTENCE), ("error", "No quay."), ("ERROR", "No boat."), ("info", OTHER)]
    )
    assert read(log)[1].endswith("as a document); its last error is in line 3: No boat.")


def test_calendars_are_read_by_their_descriptions() -> None:
    start = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nDTSTART:20240312T090000Z\n"
    shown, warning = read(
        f"{start}SUMMARY;LANGUAGE=en:Board\nDESCRIPTION:{SENTENCE[:20]}\n {SENTENCE[20:]}\\n{OTHER}\nEND:VEVENT\n"
    )
    assert warning == "reads like a calendar, not prose: only its fields of text are read"
    assert shown == f"Board\n\n{SENTENCE}\n{OTHER}"
    with pytest.raises(InputError, match="reads like an address card, not prose"):
        read("BEGIN:VCARD\nVERSION:3.0\nFN:Anna Lind\nTEL:+1 555 0100\nEND:VCARD\n")


@pytest.mark.parametrize("text", ["12345 67890", "1,2\n3,4\n5,6\n7,8\n9,10\n", "\u0661\u0662\u0663 " * 5])
def test_numbers_alone_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="not prose") as refused:
        read(text)
    assert (refused.value.code, refused.value.exit_code) == ("no_text", 3)
    with suppress(InputError):  # the table has no field of text
        assert parse(text.encode(), "-", any_text=True).text.strip() == text.strip()


@pytest.mark.parametrize(
    "text", ["12345 67890 x 3.5\n", "a 123456\nb 234567\nc 345678\nd 456789\ne 567890\n"]
)
def test_numbers_with_hardly_a_letter_are_said(text: str) -> None:
    assert read(text) == (text.strip(), "reads like numbers, not prose: take the result with care")


def test_json_nested_without_end_is_said() -> None:
    assert reads_like("[" * 100_000) == "JSON"


@pytest.mark.parametrize(
    "text",
    [
        f"{SENTENCE} {OTHER}\n" * 5,
        "ANNA: Good morning, all.\nBEN: Morning.\nANNA: Let us begin.\nBEN: Yes, let us.\n",
        "Dear Bo,\n\nthe quay is closed.\nUse the river,\nplease.\n\nKind regards\nAnna\n",
        "Roses are red,\nviolets are blue,\nsugar is sweet,\nand so are you.\n",
        "- 2 kg potatoes\n- 12 eggs\n- butter\n- apples\n- rye bread\n",
        "[Note: this text begins with a bracket.] It goes on.\n",
        "{This begins with a brace} and goes on.\n",
    ],
)
def test_prose_is_no_data(text: str) -> None:
    assert reads_like(text) is None
