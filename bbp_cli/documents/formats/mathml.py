# ruff: noqa: RUF001 - signs and letters of other languages are meant
"""Formulas (MathML, and the TeX that pages and papers hold) → a line of text: `(a+b)/2`, `x^2`, `√(x)`."""

import re

from bbp_cli.documents.formats.html_tree import Element

FORMULA = "[formula]"  # stands for one that gives no text
_MAX_NODES = 2000
_DROPPED = frozenset(("annotation", "annotation-xml", "mphantom", "maction"))
_COMMAND = re.compile(r"\\([a-zA-Z]+)\*?|\\(.)", re.DOTALL)
_FRACTION = re.compile(r"\\[dtc]?frac\s*\{([^{}]{0,200})\}\s*\{([^{}]{0,200})\}")
_ROOT = re.compile(r"\\sqrt\s*(?:\[([^\]]{0,20})\])?\s*\{([^{}]{0,200})\}")
_WRAPPER = re.compile(
    r"\\(?:text|textrm|textit|textbf|mathrm|mathbf|mathit|mathcal|mathbb|mathsf|operatorname"
    r"|boldsymbol|bm|mbox|hbox|vec|hat"
    r"|bar|tilde|overline|underline|left|right|displaystyle|textstyle|scriptstyle|big|Big|bigl|bigr"
    r"|Bigl|Bigr|limits)\*?(?![a-zA-Z])\s*"
)
_BRACED = re.compile(r"\{([^{}]*)\}")
_SYMBOLS = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ε",
    "varepsilon": "ε",
    "zeta": "ζ",
    "eta": "η",
    "theta": "θ",
    "iota": "ι",
    "kappa": "κ",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "xi": "ξ",
    "pi": "π",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "phi": "φ",
    "varphi": "φ",
    "chi": "χ",
    "psi": "ψ",
    "omega": "ω",
    "Gamma": "Γ",
    "Delta": "Δ",
    "Theta": "Θ",
    "Lambda": "Λ",
    "Xi": "Ξ",
    "Pi": "Π",
    "Sigma": "Σ",
    "Phi": "Φ",
    "Psi": "Ψ",
    "Omega": "Ω",
    "times": "×",
    "cdot": "·",
    "pm": "±",
    "mp": "∓",
    "leq": "≤",
    "le": "≤",
    "geq": "≥",
    "ge": "≥",
    "neq": "≠",
    "ne": "≠",
    "approx": "≈",
    "sim": "~",
    "equiv": "≡",
    "propto": "∝",
    "infty": "∞",
    "sum": "∑",
    "prod": "∏",
    "int": "∫",
    "partial": "∂",
    "nabla": "∇",
    "in": "∈",
    "notin": "∉",
    "subset": "⊂",
    "subseteq": "⊆",
    "cup": "∪",
    "cap": "∩",
    "to": "→",
    "rightarrow": "→",
    "leftarrow": "←",
    "Rightarrow": "⇒",
    "Leftrightarrow": "⇔",
    "mapsto": "↦",
    "ldots": "…",
    "cdots": "…",
    "dots": "…",
    "forall": "∀",
    "exists": "∃",
    "ell": "ℓ",
    "circ": "∘",
    "degree": "°",
    "prime": "′",
    "quad": " ",
    "qquad": " ",
    "ll": "≪",
    "gg": "≫",
    "langle": "⟨",
    "rangle": "⟩",
    "mid": "|",
    "log": "log",
    "ln": "ln",
    "exp": "exp",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "min": "min",
    "max": "max",
    "lim": "lim",
    "arg": "arg",
}


def formula_of(tex: str) -> str:
    """Return a TeX formula as a line of text, or `FORMULA` for what is more than a line holds."""
    if len(tex) > 500 or "\\begin" in tex:
        return FORMULA
    text = _WRAPPER.sub("", tex)
    for _ in range(3):
        text = _FRACTION.sub(lambda found: f"{_grouped(found[1])}/{_grouped(found[2])}", text)
        text = _ROOT.sub(lambda found: f"√({found[2]})", text)
    text = _COMMAND.sub(
        lambda found: _SYMBOLS.get(found[1] or "", " " if found[1] else _escaped(found[2])), text
    )
    for _ in range(3):
        text = _BRACED.sub(
            lambda found: (
                found[1]
                if len(found[1]) < 2 or found.string[max(0, found.start() - 1)] not in "^_"
                else f"({found[1]})"
            ),
            text,
        )
    text = " ".join(text.replace("{", "").replace("}", "").replace("&", "").replace("~", " ").split())
    return text if any(character.isalnum() for character in text) else FORMULA


def _escaped(character: str) -> str:
    return character if character in "%$#&_{}" else " "


def text_of_formula(math: Element) -> str:
    """Return a MathML element as a line of text; its `alttext` where it holds none."""
    budget = [_MAX_NODES]
    text = " ".join(_line(math, budget, 0).split())
    if budget[0] <= 0 or not text:
        alternative = math.attributes.get("alttext", "")
        return formula_of(alternative) if alternative else FORMULA
    return text


def _line(node: Element | str, budget: list[int], depth: int) -> str:
    budget[0] -= 1
    if isinstance(node, str):
        return " ".join(node.split())
    if budget[0] <= 0 or depth > 50 or node.tag in _DROPPED:
        return ""
    parts = [
        _line(child, budget, depth + 1)
        for child in node.children
        if not isinstance(child, str) or child.strip()
    ]
    tag = node.tag
    if len(parts) == 2 and tag in ("msup", "msub", "mfrac", "mover", "munder"):
        if tag == "mfrac":
            return f"{_grouped(parts[0])}/{_grouped(parts[1])}"
        return (
            parts[0] if tag == "mover" else f"{parts[0]}{'^' if tag == 'msup' else '_'}{_grouped(parts[1])}"
        )
    if len(parts) == 3 and tag in ("msubsup", "munderover"):
        return f"{parts[0]}_{_grouped(parts[1])}^{_grouped(parts[2])}"
    if tag == "msqrt":
        return f"√({''.join(parts)})"
    if tag == "mtext":
        return f" {''.join(parts)} "
    return (", " if tag in ("mtr", "mtable") else "").join(parts)


def _grouped(text: str) -> str:
    return text if len(text) < 2 or text.isalnum() else f"({text})"
