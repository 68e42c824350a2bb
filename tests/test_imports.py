"""The arrows between files and folders, as the architecture draws them; imports for types alone count too."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"bigbird_pegasus": ROOT / "model/bigbird_pegasus", "bbp_cli": ROOT / "bbp_cli"}

# From the bottom up: what stands in a row may import from the rows below it, and from nothing beside it.
# The command line stands on the package as a whole.
LAYERS = {
    "bigbird_pegasus": (
        ("errors",),
        ("config_checks", "config_keys", "kernels", "model_output"),
        ("quantization",),
        ("checkpoints",),
        ("config", "tokenization"),
        ("generation", "text"),
        ("modeling", "training"),
        ("auto", "classification", "data_collator", "inference", "loading", "question_answering"),
        ("summarization",),
        ("pipelines",),
        ("bigbird_pegasus",),
    ),
    "bbp_cli": (
        ("errors", "version"),
        ("console", "files"),
        ("documents", "models"),
        ("dataset", "tasks"),
        ("output",),
        ("batch", "evaluation"),
        ("training",),
        ("commands",),
        ("main",),
        ("__main__", "bbp_cli"),
    ),
}

Graph = Mapping[str, frozenset[str]]


def modules() -> dict[str, Path]:
    """Return the file of every module of both packages."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in folder.rglob("*.py"):
            parts = (package, *path.relative_to(folder).with_suffix("").parts)
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imported(path: Path, known: Iterable[str]) -> frozenset[str]:
    """Return the known modules that a file imports anywhere, functions and TYPE_CHECKING included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports are not followed here"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return frozenset(found & set(known))


def command_line() -> set[str]:
    """Return the modules of the command line."""
    return {name for name in modules() if name.split(".")[0] == "bbp_cli"}


@pytest.fixture(scope="module")
def files() -> Graph:
    known = modules()
    # `from package.folder import module` names the folder too: its `__init__` is empty.
    folders = {name for name, path in known.items() if path.name == "__init__.py" and "." in name}
    return {name: imported(path, set(known) - folders) - {name} for name, path in known.items()}


def room(module: str) -> str:
    """Return the folder of a module, or the module itself where it lies in the package's top folder."""
    return ".".join(module.split(".")[:2])


def circle(graph: Graph) -> list[str]:
    """Return the names along a circle of arrows; none where there is no circle."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name not in done:
            for other in sorted(graph.get(name, ())):
                if found := visit(other, [*path, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := visit(name, []))), [])


def test_a_circle_is_found() -> None:
    assert circle({"a": frozenset("b"), "b": frozenset("cd"), "c": frozenset(), "d": frozenset("b")}) == [
        "b",
        "d",
        "b",
    ]
    assert circle({"a": frozenset("bc"), "b": frozenset("c"), "c": frozenset()}) == []


def test_no_file_imports_itself_by_way_of_others(files: Graph) -> None:
    assert circle(files) == []


def test_no_folder_imports_itself_by_way_of_others(files: Graph) -> None:
    rooms: dict[str, frozenset[str]] = {}
    for name, others in files.items():
        arrows = {room(other) for other in others} - {room(name)}
        rooms[room(name)] = rooms.get(room(name), frozenset()) | arrows
    assert circle(rooms) == []


def test_the_package_knows_nothing_of_the_command_line(files: Graph) -> None:
    arrows = [
        f"{name} -> {other}"
        for name, others in files.items()
        for other in others
        if name.startswith("bigbird_pegasus") and other.startswith("bbp_cli")
    ]
    assert arrows == []


def test_the_recipe_of_the_default_model_knows_nothing_of_the_command_line() -> None:
    recipe = sorted((ROOT / "examples/default_model").glob("*.py"))
    assert len(recipe) > 4
    assert [path.name for path in recipe if imported(path, modules()) & command_line()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_arrows_point_down(package: str, files: Graph) -> None:
    height = {name: number for number, row in enumerate(LAYERS[package]) for name in row}
    rising = []
    for name, others in files.items():
        for other in others:
            inside = name.split(".")[0] == other.split(".")[0] == package
            here, there = (room(module).rpartition(".")[2] for module in (name, other))
            if inside and here != there and height[here] <= height[there]:
                rising.append(f"{name} -> {other}")
    assert rising == []


def public_types(path: Path) -> Iterator[str]:
    """Yield the public classes and type aliases of a file; a type variable belongs to its file alone."""
    todo = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while todo:
        match todo.pop():
            case ast.If(body=body):  # TYPE_CHECKING
                todo += body
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield name
            case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
                pass
            case ast.Assign(targets=[ast.Name(id=name)]) if re.fullmatch(r"[A-Z]\w*[a-z]\w*", name):
                yield name


def test_no_two_public_types_have_one_name() -> None:
    found: dict[str, list[str]] = {}
    for module, path in modules().items():
        for name in public_types(path):
            found.setdefault(name, []).append(module)
    assert {"Task", "Summary", "DocumentSummary", "SummaryTask"} <= set(found)
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
