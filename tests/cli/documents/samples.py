# ruff: noqa: E501, RUF001 - samples are kept on one line, letters of other languages are meant
"""A small document of every format that bbp reads, as bytes: what the mutated documents are made of."""

import io
import json
import zipfile
from collections.abc import Iterable
from email.message import EmailMessage
from pathlib import Path

from tests.cli.pdfs import make_pdf

TESTS = Path(__file__).parents[1]
SENTENCES = (
    "The harbour of Wexford was closed for a year while the quay was rebuilt, at a cost of 10 million euros.",
    'Dr. Lind (chair of the board) said: "We had no choice, cf. Fig. 3 and Eq. (4)."',
    "Café owners in the city's old quarter – some 40 of them – lost a third of what they earn.",
    "Is it worth it? The port's own figures, e.g. those of 2024, say 1,200 ships more by 2030 [3].",
)
PROSE = " ".join(SENTENCES)
XML = '<?xml version="1.0" encoding="UTF-8"?>'
SCRIPTS = {  # encodings of which the text has letters of their own
    "utf-8": PROSE, "utf-8-sig": PROSE, "utf-16": PROSE, "utf-16-le": PROSE, "utf-16-be": PROSE, "utf-32": PROSE,
    "cp1252": PROSE, "iso8859-15": "Le port a été fermé pendant un an, à cause des travaux du quai. Où sont allés les bateaux?",
    "cp850": "Der Hafen wurde für ein Jahr geschlossen, während der Kai für zehn Millionen größer gebaut wurde.",
    "mac-roman": "El puerto estuvo cerrado un año: ¿quién pagó las obras? Los dueños de los cafés perdieron mucho.",
    "cp1250": "Přístav byl rok uzavřen, zatímco se nábřeží přestavovalo. Kavárny ztratily třetinu příjmů.",
    "iso8859-2": "Port był zamknięty przez rok, gdy przebudowywano nabrzeże. Kawiarnie straciły jedną trzecią.",
    "cp1251": "Гавань была закрыта целый год, пока перестраивали набережную. Владельцы кафе потеряли треть дохода.",
    "koi8-r": "Гавань была закрыта целый год, пока перестраивали набережную. Кто за это заплатил?",
    "cp1253": "Το λιμάνι έκλεισε για έναν χρόνο, όσο ξαναχτιζόταν η προκυμαία. Ποιος πλήρωσε;",
    "cp1254": "Liman, rıhtım yeniden yapılırken bir yıl kapalı kaldı. Kafelerin sahipleri gelirlerinin üçte birini yitirdi.",
    "cp1255": "הנמל היה סגור במשך שנה, בזמן שהרציף נבנה מחדש. מי שילם על כך?",
    "cp1256": "كان الميناء مغلقا لمدة عام بينما أعيد بناء الرصيف. من دفع ثمن ذلك؟",
    "cp1257": "Uostas metus buvo uždarytas, kol krantinė buvo perstatoma. Kavinių savininkai neteko trečdalio pajamų.",
    "shift_jis": "港は一年間閉鎖され、その間に岸壁が建て直された。費用は誰が払ったのか。",
    "euc_jp": "港は一年間閉鎖され、その間に岸壁が建て直された。費用は誰が払ったのか。",
    "iso2022_jp": "港は一年間閉鎖され、その間に岸壁が建て直された。費用は誰が払ったのか。",
    "gb18030": "港口关闭了一年，码头重建期间咖啡馆失去了三分之一的收入。谁来付钱？",
    "big5": "港口關閉了一年，碼頭重建期間咖啡館失去了三分之一的收入。誰來付錢？",
    "euc_kr": "항구는 부두를 다시 짓는 동안 일 년 동안 닫혀 있었다. 누가 돈을 냈는가?",
}  # fmt: skip


def package(members: Iterable[tuple[str, str | bytes]]) -> bytes:
    """Return a ZIP file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def office_members() -> dict[str, list[tuple[str, str | bytes]]]:
    """Return the members of a file of each format that is a ZIP file, by the suffix of its name."""
    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    a = 'xmlns:a="http://a" xmlns:p="http://p" xmlns:r="http://r"'
    o = 'xmlns:text="http://t" xmlns:office="http://o" xmlns:table="http://tb"'
    paragraphs = "".join(f"<w:p><w:r><w:t>{s.replace('&', '&amp;')}</w:t></w:r></w:p>" for s in SENTENCES)
    item = "<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>Close the road</w:t></w:r></w:p>"
    table = f"<w:tbl><w:tr><w:tc>{item}</w:tc><w:tc>{item}</w:tc></w:tr></w:tbl>"
    power = '<w:p><w:r><w:t>10</w:t></w:r><w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>3</w:t></w:r></w:p>'
    slide = f"<p:sld {a}><p:sp><a:p><a:r><a:t>{SENTENCES[0]}</a:t></a:r></a:p></p:sp></p:sld>"
    pages = "".join(f"<p>{s}</p>" for s in SENTENCES)
    relation = '<Relationships><Relationship Id="r1" Type="http://x/slide" Target="slides/slide1.xml"/></Relationships>'
    return {
        "docx": [
            ("[Content_Types].xml", f"{XML}<Types/>"),
            ("word/document.xml", f"{XML}<w:document {w}><w:body>{paragraphs}{item}{table}{power}</w:body></w:document>"),
            ("word/footnotes.xml", f"{XML}<w:footnotes {w}>{paragraphs}</w:footnotes>"),
        ],
        "pptx": [
            ("ppt/presentation.xml", f'{XML}<p:presentation {a}><p:sldId r:id="r1"/></p:presentation>'),
            ("ppt/_rels/presentation.xml.rels", relation),
            ("ppt/slides/slide1.xml", slide),
        ],
        "odt": [
            ("mimetype", "application/vnd.oasis.opendocument.text"),
            ("content.xml", f"{XML}<office:document-content {o}><office:body><office:text><text:h>Quay</text:h>"
             f"<text:p>{SENTENCES[0]}<text:s text:c='3'/>x<text:note><text:note-citation>1</text:note-citation><text:note-body>"
             "<text:p>A note.</text:p></text:note-body></text:note></text:p><text:list><text:list-item><text:p>first</text:p>"
             "</text:list-item></text:list></office:text></office:body></office:document-content>"),
        ],
        "epub": [
            ("META-INF/container.xml", '<container><rootfiles><rootfile full-path="O/c.opf"/></rootfiles></container>'),
            ("O/c.opf", '<package><manifest><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/></spine></package>'),
            ("O/a.xhtml", f"{XML}<html xmlns='http://www.w3.org/1999/xhtml'><body><h1>Quay</h1>{pages}</body></html>"),
        ],
    }  # fmt: skip


def mails() -> dict[str, bytes]:
    """Return a mail with parts and an attachment, and a mailbox of two."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        "Anna <a@example.org>",
        "b@example.org",
        "Der Kai wird größer",
    )
    message["Date"] = "Mon, 3 Nov 2025 10:00:00 +0000"
    message.set_content(
        f"{PROSE}\n\nKind regards\nAnna\n\nOn Mon, 3 Nov 2025, Bo <b@x> wrote:\n> {SENTENCES[0]}\n"
    )
    message.add_alternative(f"<p>{PROSE}</p><blockquote>{SENTENCES[0]}</blockquote>", subtype="html")
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="Plan für Kai.pdf")
    one = message.as_bytes()
    return {
        "eml": one,
        "mbox": b"".join(b"From a@x Mon Nov  3 10:00:00 2025\n" + one + b"\n" for _ in range(2)),
    }


PAGE = f"""<!DOCTYPE html><html><head><meta charset=utf-8><title>Quay</title><style>p{{}}</style></head><body><nav><a href=/>Home</a>
<a href=/b>Blog</a></nav><div class="cookie-banner">We use cookies.</div><main><h1>The quay</h1><p>{SENTENCES[0]}<sup>[1]</sup>
<p>It takes 10<sup>3</sup> tons &mdash; <b>more</b>. <math><mi>d</mi><mo>=</mo><mn>3</mn></math><ul><li>one<li>two</ul>
<table><tr><td>port<td>ships</table><div style="display:none">Hidden.</div><!-- a --><p>{SENTENCES[2]}</main>
<script>var a = "<p>";</script><footer>© 2025</footer></body></html>"""
MARKDOWN = f"""---
title: Quay
tags: [a, b]
---

# The *quay*

{SENTENCES[0]} See [the plan](http://x.y/a_(b)) and [ours][1], **all** of `it`.[^1]

- [x] Decided: raise the fee.
- [ ] Ask Bo.

| port | ships |
| --- | ---: |
| Wexford | 12 |

```python
a = **b
```

[1]: http://x.y
[^1]: {SENTENCES[1]}
"""
LATEX = rf"""\documentclass{{article}}\usepackage{{x}}\title{{Quay}}\begin{{document}}\maketitle
\section{{One}} {SENTENCES[0]}~\cite[p.~3]{{a,b}} See Fig.~\ref{{f}}, \emph{{all \textbf{{of}} it}}. % comment
\begin{{figure}}\includegraphics{{a}}\caption{{A boat.}}\end{{figure}}
\begin{{equation}}E = mc^2\label{{e}}\end{{equation}} with $x_1$ and \(y\), \verb|a_b|, \'e and \"{{u}}.
\begin{{itemize}}\item first \item[second] two\end{{itemize}}\footnote{{A note.}}\bibliography{{x}}\end{{document}}
"""
RST = f"""====
Quay
====

:Author: Anna

{SENTENCES[0]} See `the plan <http://x.y>`_, :ref:`ours <x>`, **all** of ``it`` |x| [1]_.

.. note:: {SENTENCES[2]}

.. code-block:: python

   a = 1

- one
- two

.. [1] A note.
.. |x| replace:: y
"""
CUES = [f"{n:02}:{n:02}:{n:02}" for n in range(8)]
SRT = "".join(
    f"{n}\n{t},000 --> {t},900\n<i>ANNA:</i> {s}\n\n"
    for n, (t, s) in enumerate(zip(CUES, SENTENCES * 2, strict=False), 1)
)
VTT = "WEBVTT\n\nNOTE a\n\n" + "".join(
    f"{t}.000 --> {t}.900 align:start\n<v Bo>{s}</v>\n\n" for t, s in zip(CUES, SENTENCES, strict=False)
)
ASS = "[Script Info]\n[Events]\n" + "".join(
    f"Dialogue: 0,0:00:0{n}.00,0:00:0{n}.90,D,Anna,0,0,0,,{{\\an8}}{s}\\N\n" for n, s in enumerate(SENTENCES)
)
CHATS = {
    "whatsapp": "12/03/2024, 09:14 - Messages and calls are end-to-end encrypted.\n" + "".join(f"12/03/2024, 09:{15 + n} - {'Anna' if n % 2 else 'Bo'}: {s}\n" for n, s in enumerate(SENTENCES)),
    "iphone": "".join(f"\u200e[12.03.24, 09:15:0{n}] {'Anna' if n % 2 else 'Bo'}: {s}\n" for n, s in enumerate(SENTENCES)),
    "slack": "".join(f"{'Anna' if n % 2 else 'Bo'}  9:1{n} AM\n{s}\n" for n, s in enumerate(SENTENCES)),
    "slack-json": json.dumps([{"ts": str(n), "text": s + " <http://x|y> :tada:", "user_profile": {"real_name": "Anna"}} for n, s in enumerate(SENTENCES)]),
    "teams": "".join(f"[12/3/2024 9:1{n} AM] {'Anna' if n % 2 else 'Bo'}\n{s}\n\n" for n, s in enumerate(SENTENCES)),
    "zoom": "".join(f"09:15:0{n} From {'Anna' if n % 2 else 'Bo'} to Everyone : {s}\n" for n, s in enumerate(SENTENCES)),
    "names": "".join(f"{'Anna Lind' if n % 2 else 'Bo'}: {s}\n" for n, s in enumerate(SENTENCES)),
}  # fmt: skip
LOG = "".join(
    f"2024-01-01T10:00:0{n}.123Z {'ERROR' if n == 2 else 'INFO'} [main] a.b.C: {s}\n"
    for n, s in enumerate(SENTENCES)
)
RTF = (
    r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}}{\info{\title Quay}}\f0 "
    + PROSE.encode("cp1252").decode("latin-1").replace("\xe9", r"\'e9").replace("\x96", r"\endash ")
    + r"\par 10{\super 3}\u8364?{\footnote a}\trowd\cell\row}"
)
NOTEBOOK = json.dumps(
    {
        "nbformat": 4,
        "cells": [
            {"cell_type": "markdown", "source": [MARKDOWN]},
            {"cell_type": "code", "source": "a = 1", "outputs": [{"text": ["x"]}]},
        ],
    }
)
DATA = {
    "csv": "id,text,n\n" + "".join(f'{n},"{s.replace(chr(34), chr(34) * 2)}",{n * 7}\n' for n, s in enumerate(SENTENCES)),
    "tsv": "id\ttext\n" + "".join(f"{n}\t{s}\n" for n, s in enumerate(SENTENCES)),
    "json": json.dumps({"items": [{"id": n, "body": s, "tags": ["a", None, 1.5e300]} for n, s in enumerate(SENTENCES)]}, indent=1),
    "jsonl": "".join(json.dumps({"text": s}) + "\n" for s in SENTENCES),
    "xml": f'{XML}<rss><channel><title>Quay</title><item><description>&lt;p&gt;{SENTENCES[0]}&lt;/p&gt;</description></item></channel></rss>',
    "ini": "[a]\nb = c\nd: e\n\n[f]\ng = 1\nh = /x/y\n",
    "ps": f"%!PS-Adobe-3.0\n/Times findfont\n({SENTENCES[0]}) show\n",
    "patch": "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n-old\n+new\n same\n",
}  # fmt: skip


def samples() -> dict[str, bytes]:
    """Return a document of each format by its file name; those of the other tests are among them."""
    found = {
        f"page-{n}.pdf": make_pdf([PROSE.encode("latin-1", "replace").decode("latin-1")] * n) for n in (1, 3)
    }
    found |= {f"office.{suffix}": package(members) for suffix, members in office_members().items()}
    found |= {f"mail.{suffix}": data for suffix, data in mails().items()}
    found |= {f"encoded-{name}.txt": (text * 4).encode(name) for name, text in SCRIPTS.items()}
    texts = {
        "page.html": PAGE, "a.md": MARKDOWN, "a.tex": LATEX, "a.rst": RST, "a.srt": SRT, "a.vtt": VTT, "a.ass": ASS, "a.log": LOG,
        "a.rtf": RTF, "a.ipynb": NOTEBOOK,
        **{f"chat-{name}.txt": text for name, text in CHATS.items()},
        **{f"data.{suffix}": text for suffix, text in DATA.items()},
    }  # fmt: skip
    found |= {name: text.encode() for name, text in texts.items()}
    for folder in ("data", "cases", "pdf_cases"):
        found |= {f"{folder}/{path.name}": path.read_bytes() for path in sorted((TESTS / folder).iterdir())}
    del found["pdf_cases/5000-forms-8kB.pdf"]  # a bomb, with a test of its own
    return found
