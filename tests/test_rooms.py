"""The three rooms are held apart: a shared wrong derivative would make the comparison show nothing."""

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
