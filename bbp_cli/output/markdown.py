"""A report as Markdown: the summary with footnotes that quote the document, then facts and warnings."""

import re

from bigbird_pegasus.text.line_patterns import ends_as_sentence
from bigbird_pegasus.text.speech import named
from bigbird_pegasus.text.words import clean, ends_unspaced

from bbp_cli.output.citations import place, quote
from bbp_cli.output.report import Report

_MARKUP = re.compile(r"([\\`*_\[\]<>#|~$])")


def as_markdown(report: Report) -> str:
    """Return a report as Markdown; words of the document are escaped, so that they stay words."""
    text, notes = "", []
    sentences = report.summary.sentences
    shown = named([one.text for one in sentences], [one.speaker for one in sentences])
    heading: str | None = None
    for number, sentence in enumerate(sentences, start=1):
        if sentence.heading != heading:
            heading = sentence.heading
            text = f"{text.rstrip()}\n\n## {escaped(heading or '')}\n\n".lstrip()
        space = "" if ends_unspaced(sentence.text) else " "
        text += f"{escaped(shown[number - 1])}[^{number}]"
        text += space if ends_as_sentence(sentence.text) else "\n\n"
        quoted = " … ".join(clean(quote(source, report.document)) for source in sentence.sources)
        notes.append(f"[^{number}]: {place(sentence, report.document)}: “{escaped(quoted)}”")
    facts = [f"- {name}: {escaped(value)}" for name, value in report.facts]
    facts += [f"- Warning: {escaped(warning)}" for warning in report.warnings]
    blocks = [f"# {escaped(clean(report.title))}", text.rstrip(), *notes, "---", "\n".join(facts)]
    return "\n\n".join(blocks)


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is; a number or a sign at its start begins no list."""
    text = _MARKUP.sub(r"\\\1", text)
    return re.sub(r"^(\d+)([.)])(?=\s)|^([-+=])", lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", text)
