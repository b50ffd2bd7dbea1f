"""The project's documents say what the code does."""

import ast
import configparser
import importlib
import re
import tokenize
from pathlib import Path

import pytest

from engine.ops import TABLE

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("engine", "explicit", "compare")
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")


def test_ci_runs_the_readmes_test_command_word_for_word():
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci/run").read_text()
    (command,) = [line for line in readme.splitlines() if "-m pytest" in line]
    assert command in ci.splitlines()


def test_the_docs_have_the_op_table():
    assert TABLE.markdown() in (ROOT / "ARCHITECTURE.md").read_text()


def test_every_package_of_the_tree_is_installed():
    named = set(SETUP["options"]["packages"].split())
    present = {".".join(p.parent.relative_to(ROOT).parts) for room in ROOMS for p in (ROOT / room).rglob("__init__.py")}
    assert named == present


def test_every_file_that_is_no_python_is_installed():
    named = {
        path
        for package, patterns in SETUP["options.package_data"].items()
        for pattern in patterns.split()
        for path in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    files = {path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()}
    assert named == {path for path in files if path.suffix != ".py" and path.parent.name != "__pycache__"}


DOTTED = r"(?<![\w./-])(?:engine|explicit|compare)(?:\.[a-z_]\w*)+"
PATH = r"(?<![\w./-])(?:engine|explicit|compare|tests|benchmarks)(?:/\w[\w-]*)+(?:\.\w+)?"


def names_in(text):
    """The dotted names and the paths in a text; `explicit.md` is a page and no module."""
    return [name for form in (DOTTED, PATH) for name in re.findall(form, text) if not name.endswith(".md")]


def said(path):
    """What a file says in words: a document whole, of a program its strings and comments."""
    if path.suffix != ".py":
        return path.read_text(encoding="utf-8")
    with tokenize.open(path) as file:
        tokens = list(tokenize.generate_tokens(file.readline))
    words = {"COMMENT", "STRING", "FSTRING_MIDDLE"}
    return "\n".join(token.string for token in tokens if tokenize.tok_name[token.type] in words)


def exists(name):
    """Whether a path is one, or a dotted name leads to a module, or to a name that a module or package has."""
    if "/" in name:
        return (ROOT / name).exists()
    path = ROOT / name.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    module, _, last = name.rpartition(".")
    file = ROOT / f"{module.replace('.', '/')}.py"
    if file.is_file():  # not imported: it may need an extra
        return re.search(rf"\b{last}\b", file.read_text("utf-8")) is not None
    return file.with_suffix("").is_dir() and hasattr(importlib.import_module(module), last)


DOCUMENTS = [*ROOT.glob("*.md"), ROOT / "setup.cfg", ROOT / "pyproject.toml", ROOT / ".ci" / "run"]
PROGRAMS = [path for folder in (*ROOMS, "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
PROGRAMS.remove(ROOT / "tests" / "test_rooms.py")  # it plants modules that are not there


@pytest.mark.parametrize("path", [*DOCUMENTS, None], ids=lambda path: path.name if path else "programs")
def test_every_module_and_file_that_a_text_names_is_there(path):
    named = {(p.name, name) for p in ([path] if path else PROGRAMS) for name in names_in(said(p))}
    assert sorted((where, name) for where, name in named if not exists(name)) == []


def test_an_old_name_is_seen():
    old = "see compare/" "reporting.py, engine." "tape, explicit/network.py, engine.replay.tape and explicit.Network"
    assert [exists(name) for name in names_in(old)] == [False, True, False, True]


def _public(tree):
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (m for m in _public(node) if not _is_setter(m))


def _is_setter(function):
    return any(getattr(decorator, "attr", "") == "setter" for decorator in function.decorator_list)


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_function_and_class_has_a_docstring(room):
    bare = [
        f"{path.name}: {node.name}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in _public(ast.parse(path.read_text()))
        if ast.get_docstring(node) is None
    ]
    assert bare == []


@pytest.mark.parametrize("room", ROOMS)
def test_no_submodule_bears_the_name_of_a_public_function(room):
    modules = {path.stem for path in (ROOT / room).glob("*.py")}
    public = set(__import__(room).__all__)
    assert not modules & public
