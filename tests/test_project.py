"""The project's documents say what the code does."""

import ast
import configparser
from pathlib import Path

import pytest

from engine.ops import TABLE

ROOT = Path(__file__).parent.parent


def test_ci_runs_the_readmes_test_command_word_for_word():
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci/run").read_text()
    (command,) = [line for line in readme.splitlines() if "-m pytest" in line]
    assert command in ci.splitlines()


def test_the_docs_have_the_op_table():
    assert TABLE.markdown() in (ROOT / "ARCHITECTURE.md").read_text()


def test_every_package_of_the_tree_is_installed():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    named = set(setup["options"]["packages"].split())
    present = {
        ".".join(p.parent.relative_to(ROOT).parts)
        for room in ("engine", "explicit", "compare")
        for p in (ROOT / room).rglob("__init__.py")
    }
    assert named == present


def _public(tree):
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (m for m in _public(node) if not _is_setter(m))


def _is_setter(function):
    return any(getattr(decorator, "attr", "") == "setter" for decorator in function.decorator_list)


@pytest.mark.parametrize("room", ["engine", "explicit", "compare"])
def test_every_public_function_and_class_has_a_docstring(room):
    bare = [
        f"{path.name}: {node.name}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in _public(ast.parse(path.read_text()))
        if ast.get_docstring(node) is None
    ]
    assert bare == []


@pytest.mark.parametrize("room", ["engine", "explicit", "compare"])
def test_no_submodule_bears_the_name_of_a_public_function(room):
    modules = {path.stem for path in (ROOT / room).glob("*.py")}
    public = set(__import__(room).__all__)
    assert not modules & public
