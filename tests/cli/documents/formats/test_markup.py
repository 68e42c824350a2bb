# ruff: noqa: E501, RUF001 - inputs are kept on one line
"""Markdown, LaTeX, reStructuredText and notebooks: marks and commands are not in the text."""

import json

import pytest

from bbp_cli.documents.formats.latex import is_latex, text_of_latex
from bbp_cli.documents.formats.markdown import is_markdown, text_of_markdown, text_of_notebook
from bbp_cli.documents.formats.mathml import FORMULA, formula_of
from bbp_cli.documents.formats.restructured_text import is_restructured_text, text_of_restructured_text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("The *quay* was **closed**, __all__ of _it_.", "The quay was closed, all of it."),
        ("See [the plan](http://x.y/a_(b)) and [ours][1].\n\n[1]: http://x.y", "See the plan and ours."),
        ("It holds[^1] 40 cars.\n\n[^1]: The note says more.", "It holds 40 cars.\n\nThe note says more."),
        ("---\ntitle: Quay\n---\n\n# Head", "# Head"),
        ("+++\ntitle = 'Quay'\n+++\n# Head", "# Head"),
        ("---\n\nA rule above, and no key below.\n\n---", "---\n\nA rule above, and no key below.\n\n---"),
        ("![a boat](b.png)\nWords.", "\nWords."),
        ("[![build](a.svg)](http://x)Words.", "Words."),
        ("It takes 10<sup>3</sup> tons.<br>More &amp; more.", "It takes 10^3 tons.More & more."),
        ("Call `a_b(*c)` and a snake_case_name, 2 * 3 * 4.", "Call a_b(*c) and a snake_case_name, 2 * 3 * 4."),
        (r"A \*star\* and $x^2$, but $5 and $6.", "A *star* and x^2, but $5 and $6."),
        ("<!-- hidden\nwords -->Seen <!-- open", "Seen <!-- open"),
        ("```python\na = **b\n```\n**c**", "```python\na = **b\n```\nc"),
        ("- [x] Decided: **raise the fee**.\n* an _item_", "- [x] Decided: raise the fee.\n* an item"),
        ("The [[Quay wall]] and [[Harbour|the harbour]].", "The Quay wall and the harbour."),
        ("A ~~bad~~ ==good== ***word***.", "A bad good word."),
    ],
)  # fmt: skip
def test_markdown_is_read_without_its_marks(source: str, text: str) -> None:
    assert text_of_markdown(source)[0].strip("\n") == text.strip("\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Title\n\nSome **strong** words.", True),
        ("---\ntitle: x\n---\nWords.", True),
        ("Some [link](http://x) and `code`.", True),
        ("Some words * and others * stand here.", False),
        ("# a comment\n# of source code with `code`\nx = 1\n", False),
        ("1. One\n2. Two\n- three\n", False),
    ],
)
def test_markdown_is_known_by_two_kinds_of_marks(text: str, expected: bool) -> None:
    assert is_markdown(text) is expected
    assert is_markdown(text, ".md")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"The \emph{quay} was \textbf{all \emph{closed}}~\cite[p.~3]{a} for 50\% of a year.", "The quay was all closed for 50% of a year."),
        (r"See Fig.~\ref{f} (cf.~\citep{a}). \label{x}It is \LaTeX{} made.", "See Fig. [f]. It is LaTeX made."),
        (r"As Eq.~\eqref{e:one} and Figures~\cref{a, b} say, \citet[p.~3]{jones} is right.", "As Eq. [e:one] and Figures [a, b] say, [jones] is right."),
        (r"It moves by \SI{4}{\milli\metre} or \qty[x=y]{30}{\percent}, \num{12} times at \ang{90}, in \si{\kilo\gram\per\hour}.", "It moves by 4 mm or 30 %, 12 times at 90°, in kg/h."),
        (r"It is closed\todo{ask Bo} now.", "It is closed now."),
        (r"See \ref{} and etc.~\cite{a}.", "See and etc."),
        (r"According to \citep[see][p.~3]{a,b} it is closed~\parencite{c}. \autocite{d} found so.", "According to [a,b] it is closed. [d] found so."),
        (r"As in \autocites[12]{a}[3]{b}, ships\footcite{c} came\supercite{d}. It was slow. \cite{e}", "As in [a, b], ships came. It was slow."),
        (r"\Citet{a} and \citeauthor*{b} (\citeyear{b}) say: \Cref{c} and \vref{d}, not \hyperref[e]{here}.", "[a] and [b] say: [c] and [d], not here."),
        (r"M\"uller's caf\'e in Malm\"{o}, \v{S}koda, \o re, \ss.", "Müller's café in Malmö, Škoda, øre, ß."),
        ("``One'' --- two, % hidden\n  three.", "“One” — two, three."),
        (r"We have $d = \frac{a}{b} \leq 10^3$ here\footnote{A note.}.", "We have d = a/b ≤ 10^3 here."),
        ("\\begin{itemize}\n\\item First.\n\\item[b] Second.\n\\end{itemize}", "- First.\n\n- Second."),
        ("\\begin{figure}\\caption{No}\\end{figure}Yes.", "Yes."),
        (r"\section{Head}\href{http://x}{Here} and \url{http://y}, \verb|a_b|.", "Head\n\nHere and http://y, a_b."),
        (r"\begin{equation} E = mc^2 \end{equation}", "E = mc^2"),
        ("\\documentclass{a}\\title{The \\emph{Quay}}\\author{A}\\begin{document}\\maketitle Words.\\end{document} No.", "The Quay\n\nWords."),
        ("{" * 5000 + "deep" + "}" * 5000, "deep"),
        (r"Cut {off $x", "Cut off x"),
    ],
)  # fmt: skip
def test_latex_is_read_without_its_commands(source: str, text: str) -> None:
    assert text_of_latex(source)[0].strip("\n") == text


def test_latex_is_known_by_its_class_or_commands() -> None:
    assert is_latex("% paper\n\\documentclass{article}")
    assert is_latex(r"\section{One} \emph{two} \cite{three}")
    assert is_latex(r"\section{One}", ".tex")
    assert not is_latex("A path such as C:\\section is no command.")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("=====\nTitle\n=====\n\nThe **quay** was *closed*.", "Title\n\nThe quay was closed."),
        (
            "See :ref:`the plan <plan>`, `site <http://x>`_ [1]_ and ``x = 1``.",
            "See the plan, site and x = 1.",
        ),
        (".. note:: Look out\n   for the tide.", "Look out\n   for the tide."),
        (".. code-block:: c\n\n   int x;\n\nWords.", "Words."),
        (".. _here:\n\nWords of name_ ::\n\n   code", "Words of name :\n\n   code"),
        ("As shown in [Smith2020]_, it is closed [Lind2021]_.", "As shown in [Smith2020], it is closed."),
        ("A `plan\n<http://x>`_ of\n:ref:`all the\nquays`.", "A plan of\nall the\nquays."),
        (
            r"All :class:`Quay`\ s, the `tide`, a \* and ``__all__``, ``*``.",
            "All Quays, the tide, a * and __all__, *.",
        ),
        ("#. First.\n#. Second.", "- First.\n- Second."),
        ("\ue0007\ue001 is ``a``.", " is a."),
        (
            'Call ``x`` ::\n\n    re.sub("\\\\*\\\\*a", r"\\\\d \\ x")\n\n    .. C:\\\\dir\n\nA \\* *star*.',
            'Call x :\n\n    re.sub("\\\\*\\\\*a", r"\\\\d \\ x")\n\n    .. C:\\\\dir\n\nA * star.',
        ),
        ("- Call::\n\n    `a`\n\n  It is `b`.\n\n::\n\n  *c*", "- Call:\n\n    `a`\n\n  It is b.\n\n  *c*"),
        ("A word::\nit goes on, *here*.", "A word:\nit goes on, here."),
        (".. hidden\n   words\n\nSeen.\n\n.. [1] The note.", "Seen.\n\nThe note."),
    ],
)
def test_restructured_text_is_read_without_its_marks(source: str, text: str) -> None:
    assert text_of_restructured_text(source)[0].strip("\n") == text


def test_restructured_text_is_known_by_two_of_its_marks() -> None:
    assert is_restructured_text("Title\n=====\n\n.. note:: Words.")
    assert is_restructured_text("Words.", ".rst")
    assert not is_restructured_text("Title\n=====\n\nWords.")


def test_a_notebook_is_its_text_and_code() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# The **quay**\n", "\n", "It was closed."]},
        {"cell_type": "code", "source": "x = 1", "outputs": [{"text": "no"}]},
    ]
    text, warnings = text_of_notebook(json.dumps({"cells": cells}))
    assert text == "# The quay\n\nIt was closed.\n\n```\nx = 1\n```\n"
    assert warnings == ("the outputs of 1 cell are not read",)
    assert text_of_notebook('{"cells": [')[1] == ("reads like a Jupyter notebook that is damaged",)


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"{\displaystyle d=3}", "d=3"),
        (r"\frac{a+b}{2}", "(a+b)/2"),
        (r"x_{ij}^{2} \cdot \alpha", "x_(ij)^2 · α"),
        (r"\sqrt{x} \in \mathbb{R}", "√(x) ∈ R"),
        (r"\begin{matrix}a\end{matrix}", FORMULA),
        ("", FORMULA),
    ],
)
def test_formulas_are_a_line_of_text(tex: str, text: str) -> None:
    assert formula_of(tex) == text
