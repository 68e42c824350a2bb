"""Rules of style that ruff does not know."""

import ast

from tests.test_imports import modules

QUESTION_WORDS = {"Whether", "What", "Which", "Where", "How"}


def test_docstrings_of_functions_are_imperative() -> None:
    found = []
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                docstring = ast.get_docstring(node) or " "
                found += [f"{name}.{node.name}"] if docstring.split(" ")[0] in QUESTION_WORDS else []
    assert found == []
