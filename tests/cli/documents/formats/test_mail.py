"""Mails and mailboxes: MIME is decoded, what is not the message set apart, attachments named."""

import base64
from email.message import EmailMessage

import pytest

from bbp_cli.documents.document import parse
from bbp_cli.documents.formats.mail import text_of_mail
from bbp_cli.documents.formats.mail_headers import is_mail
from bbp_cli.errors import InputError

NEW = "The harbour was closed for a year while the quay was rebuilt by a firm from the north."
OLD = "The older message says that nothing at all would be rebuilt before the summer of next year."


def mail(plain: str | None = None, html: str | None = None, attached: str | None = None) -> bytes:
    message = EmailMessage()
    message["From"] = "Anna Lind <a@example.org>"
    message["To"] = "Bo <b@example.org>"
    message["Subject"] = "Der Kai wird größer"
    if plain is not None:
        message.set_content(plain)
    if html is not None:
        (message.add_alternative if plain is not None else message.set_content)(html, subtype="html")
    if attached:
        message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename=attached)
    return message.as_bytes()


OLDER = {
    "outlook": f"Hi Bo,\n\n{NEW}\n\nAnna\n\nFrom: Bo <b@x>\nSent: Monday, November 3\nTo:"
    f" Anna\nSubject: Quay\n\n{OLD}\n",
    "outlook in German": f"{NEW}\n\nVon: Bo\nGesendet: Montag, 3. November\nAn: Anna\nBetreff:"
    f" Kai\n\n{OLD}\n",
    "original message": f"{NEW}\n\n-----Original Message-----\nFrom: Bo\n\n{OLD}\n",
    "gmail": f"{NEW}\n\nOn Mon, 3 Nov 2025 at 10:00, Bo Person\n<b@example.org> wrote:\n\n> {OLD}\n",
    "wrote without marks": f"{NEW}\n\nOn Mon, 3 Nov 2025, Bo <b@example.org> wrote:\n\n{OLD}\n",
    "German": f"{NEW}\n\nAm 3.11.2025 um 10:00 schrieb Bo:\n\n{OLD}\n",
}


@pytest.mark.parametrize("client", OLDER)
def test_older_messages_stand_behind_marks(client: str) -> None:
    text, _ = text_of_mail(mail(OLDER[client]))
    assert f"\n{NEW}\n" in text
    assert f"\n> {OLD}" in text


def test_quotations_of_html_stand_behind_marks() -> None:
    text, _ = text_of_mail(mail(html=f"<div>{NEW}</div><blockquote><p>{OLD}</p></blockquote>"))
    assert text.endswith(f"\n\n{NEW}\n\n> {OLD}\n")


def test_a_disclaimer_is_set_apart() -> None:
    notice = "This message is confidential. If you are not the intended recipient, delete it. Do not copy it."
    text, _ = text_of_mail(mail(f"{NEW}\n\nAnna\n\n{notice}\n"))
    assert f"\n> {notice}" in text


RUSSIAN = "Гавань была закрыта целый год, пока перестраивали набережную."


@pytest.mark.parametrize(
    ("text", "charset", "codec"),
    [
        (NEW, "utf-16", "utf-16"),
        (NEW, "utf-16le", "utf-16-le"),
        (NEW, "UTF-16", "utf-16-be"),
        (RUSSIAN, "utf-16le", "utf-16-le"),
        (RUSSIAN, "utf-16be", "utf-16-be"),
        (RUSSIAN, "utf-16", "utf-16-le"),
        (RUSSIAN, "utf-16", "utf-16-be"),
        (RUSSIAN, "utf-32", "utf-32"),
        (RUSSIAN, "unicode-1-1-utf-7", "utf-7"),
        (NEW, "utf-16", "cp1252"),  # it only says so
    ],
)
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_bodies_in_unicode_of_another_width_are_read(text: str, charset: str, codec: str, kind: str) -> None:
    head = (
        f"From: a@x\nSubject: b\nContent-Type: text/{kind}; charset={charset}\n"
        "Content-Transfer-Encoding: base64"
    )
    body = base64.encodebytes((f"<p>{text}</p>\n" if kind == "html" else f"{text}\n").encode(codec))
    assert text_of_mail(f"{head}\n\n".encode() + body)[0].endswith(f"\n\n{text}\n")


@pytest.mark.parametrize("codec", ["utf-16", "utf-8-sig"])
def test_a_mail_that_was_saved_as_unicode_is_a_mail(codec: str) -> None:
    document = parse(f"From: a@x\nTo: b@x\nSubject: c\n\n{NEW}\n".encode(codec), "a.eml")
    assert (document.source.media_type, document.text.split("\n\n")[1]) == ("message/rfc822", f"{NEW}\n")


def test_a_text_part_that_is_a_stub_gives_way_to_html() -> None:
    assert NEW in text_of_mail(mail("Your program shows no HTML.", f"<p>{NEW * 10}</p>"))[0]
    assert "<p>" not in text_of_mail(mail(NEW, f"<p>{NEW}</p>"))[0]


def test_attachments_are_named_as_not_read() -> None:
    text, warnings = text_of_mail(mail(NEW, attached="plan ä.pdf"))
    assert "Subject: Der Kai wird größer" in text
    assert warnings == ("attachment not read: plan ä.pdf (application/pdf)",)


def test_a_mailbox_is_its_messages() -> None:
    box = b"".join(b"From a@x Tue Nov  4 09:12:44 2025\n" + mail(words) + b"\n" for words in (NEW, OLD))
    assert is_mail(box)
    text, _ = text_of_mail(box)
    assert text.count("Subject: ") == 2
    assert text.index(NEW) < text.index(OLD)


def test_a_forwarded_mail_is_read_as_an_older_one() -> None:
    message = EmailMessage()
    message["From"] = "a@example.org"
    message.set_content(NEW)
    inner = EmailMessage()
    inner["From"] = "b@example.org"
    inner.set_content(OLD)
    message.add_attachment(inner)
    assert f"> {OLD}" in text_of_mail(message.as_bytes())[0]


def test_flowed_lines_are_joined() -> None:
    head = b"From: a@x\nSubject: s\nContent-Type: text/plain; format=flowed\n\n"
    assert text_of_mail(head + b"One two \nthree.\n> Old \n> words.\n")[0].endswith(
        "One two three.\n> Old words.\n"
    )


def test_mails_without_text_are_refused() -> None:
    with pytest.raises(InputError, match=r"no text in the mail; attachments: a\.pdf"):
        parse(mail("", attached="a.pdf"), "-")
    encrypted = b"From: a@x\nSubject: s\nContent-Type: application/pkcs7-mime\n\nMIIB\n"
    with pytest.raises(InputError, match="encrypted"):
        parse(encrypted, "-")


@pytest.mark.parametrize(
    "text", [b"Note: this\n\nis text", b"From here: one\n\nsees the sea", b"", b"To: all\n\nx"]
)
def test_prose_with_colons_is_no_mail(text: bytes) -> None:
    assert not is_mail(text)
