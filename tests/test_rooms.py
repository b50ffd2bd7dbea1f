"""The three rooms are held apart: a shared wrong derivative would make the comparison show nothing.

Inside compare an import goes down the floors, and nowhere is there a circle.  Imports inside functions and those for
type checkers count too.
"""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("engine", "explicit", "compare")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imports(source, package="", top_level_only=False):
    """Every module that a source imports, in functions too, and by importlib.import_module or __import__."""
    found = set()
    tree = ast.parse(source)
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module} if module else {alias.name for alias in node.names}
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "__import__"):
                name = node.args[0] if node.args else None
                found.add(name.value if isinstance(name, ast.Constant) else "?")
    return found


def package(path):
    return ".".join(path.relative_to(ROOT).parent.parts)


def rooms_in(modules):
    return {name.split(".")[0] for name in modules} & {*ROOMS, "?"}


def wanted(room):
    """The rooms that a room may import, besides itself; "?" is a name that is known at run time only."""
    return {"engine": set(), "explicit": set(), "compare": {"engine", "explicit", "?"}}[room]


def test_there_are_modules_to_walk():
    assert len(MODULES) > 20 and {p.parent.name for p in MODULES} >= set(ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: f"{p.parent.name}.{p.stem}")
def test_a_module_imports_no_room_that_it_must_not_know(path):
    room = path.relative_to(ROOT).parts[0]
    found = rooms_in(imports(path.read_text(encoding="utf-8"), package(path)))
    assert found <= wanted(room) | {room}


def test_compare_imports_both_and_is_the_only_one():
    both = {
        room
        for room in ROOMS
        if {"engine", "explicit"}
        <= {
            name
            for path in (ROOT / room).rglob("*.py")
            for name in rooms_in(imports(path.read_text(encoding="utf-8"), package(path))) | {room}
        }
    }
    assert both == {"compare"}


COMPILED = {"compiled", "kernel_store"}  # numpy and numba are all that these are about; imported where used


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if package(p).split(".")[0] == "engine" and p.stem not in COMPILED],
    ids=lambda p: f"{p.parent.name}.{p.stem}",
)
def test_the_engine_needs_the_standard_library_alone(path):
    top_level = imports(path.read_text(encoding="utf-8"), package(path), top_level_only=True)
    names = {name.split(".")[0] for name in top_level} - {"engine"}
    assert names <= sys.stdlib_module_names


@pytest.mark.parametrize(
    "source",
    [
        "import explicit",
        "import numpy, explicit.network as n",
        "from explicit.sums import affine",
        "def f():\n    from explicit import Network",
        "class A:\n    if True:\n        import explicit",
        "import importlib\nimportlib.import_module('explicit.sums')",
        "from importlib import import_module\nimport_module('explicit')",
        "e = __import__('explicit')",
        "from .. import explicit",
        "from ..explicit import sums",
    ],
)
def test_the_checker_catches_a_planted_import(source):
    assert rooms_in(imports(source, "engine")) - {"engine"} == {"explicit"}


def test_the_checker_catches_a_name_that_it_cannot_read():
    assert rooms_in(imports("__import__('expl' + 'icit')", "engine")) == {"?"}


def test_the_checker_lets_good_imports_pass():
    assert rooms_in(imports("import math\nfrom engine.ops import Op\nexplicit = 1", "engine")) == {"engine"}
    assert rooms_in(imports("from . import ops\nfrom .ops import Op", "engine")) == {"engine"}


@pytest.mark.parametrize(
    ("room", "absent"),
    [("engine", ["explicit", "compare", "numpy", "sympy"]), ("explicit", ["engine", "compare"])],
)
def test_importing_a_room_loads_no_other(room, absent):
    code = f"import sys, {room}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("room", ROOMS)
def test_no_submodule_hides_a_public_name(room):
    modules = {path.stem for path in (ROOT / room).glob("*.py")}
    assert not modules & set(importlib.import_module(room).__all__)


# compare's wings and files, from the roof to the ground; what stands in one row may import what stands beside it.
FLOORS = (
    {"commands", "__main__", "__init__"},
    {"checking", "solutions"},
    {"diagnosing", "diagnosing_graphs", "comparing", "report", "report_tables"},
    {"page", "candidates"},
    {"comparison"},
    {"referees", "training", "counting"},
    {"mistakes", "numbers", "rounding", "data", "extras", "readable"},
)


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def module_graph(sources):
    """Which module imports which, among those given as {name: (source, package)}."""
    graph = {}
    for name, (source, inside) in sources.items():
        found = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                parts = inside.split(".")[: len(inside.split(".")) - node.level + 1] if node.level else []
                module = ".".join([*parts, *([node.module] if node.module else [])])
                found |= {f"{module}.{a.name}" if f"{module}.{a.name}" in sources else module for a in node.names}
        graph[name] = {module for module in found if module in sources and module != name}
    return graph


def circle(graph):
    """Some circle of modules, [] where there is none."""
    done, way = set(), []

    def visit(name):
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        way.append(name)
        found = next((c for below in sorted(graph[name]) if (c := visit(below))), [])
        way.pop()
        done.add(name)
        return found

    return next((c for name in sorted(graph) if (c := visit(name))), [])


def floor(name):
    """The floor of a module of compare, 0 at the roof."""
    wing = name.split(".")[1] if "." in name else "__init__"
    return next(i for i, wings in enumerate(FLOORS) if wing in wings)


def upward(graph):
    """The imports that go up."""
    inside = {name: below for name, below in graph.items() if name.split(".")[0] == "compare"}
    return sorted(
        f"{name} imports {below}"
        for name, modules in inside.items()
        for below in modules
        if below.split(".")[0] == "compare" and floor(below) < floor(name)
    )


SOURCES = {name_of(path): (path.read_text(encoding="utf-8"), package(path)) for path in MODULES}


def test_every_wing_stands_on_a_floor():
    assert {
        path.relative_to(ROOT / "compare").parts[0].removesuffix(".py")
        for path in MODULES
        if "compare" in path.relative_to(ROOT).parts[:1]
    } == set().union(*FLOORS)


def test_an_import_goes_down_and_never_up():
    assert upward(module_graph(SOURCES)) == []


@pytest.mark.parametrize("room", ROOMS)
def test_there_is_no_circle(room):
    # The package's own __init__ gathers public names, and loads them when they are asked for.
    assert circle(module_graph({n: s for n, s in SOURCES.items() if n.split(".")[0] == room and n != room})) == []


def test_the_checkers_catch_a_planted_import():
    lazy = ("def f():\n    from compare.checking.check import check", "compare.numbers")
    planted = SOURCES | {"compare.numbers.field": lazy}
    assert upward(module_graph(planted)) == ["compare.numbers.field imports compare.checking.check"]
    typed = ("if TYPE_CHECKING:\n    from engine import b", "engine")
    assert circle(module_graph({"engine.a": typed, "engine.b": ("from engine.a import x", "engine")}))
