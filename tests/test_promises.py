"""docs/promises.md maps the contract to its tests; here it is held to that."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "promises.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
PROMISES = [row for row in ROWS if not row.startswith("| promise ")]


def named_in(text):
    return set(re.findall(r"`(test_\w+|Test\w+)`", text))


def defined_in(path):
    """The tests of a module, functions as well as what is assigned as a class of tests."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in names if name.lower().startswith("test")}


ALL = set().union(*map(defined_in, TESTS.rglob("test_*.py")))


@pytest.mark.parametrize("row", PROMISES)
def test_every_promise_has_a_test(row):
    """At least one, and each that is named exists."""
    named = named_in(row)

    assert named
    assert not named - ALL


def test_every_section_of_the_contract_is_there():
    """One heading for each of its seven sections."""
    assert re.findall(r"^## §(\d)", PAGE, re.MULTILINE) == list("1234567")


def test_every_test_of_the_contract_holds_a_promise():
    """A case of the contract that no promise names is a promise that nobody has written down."""
    cases = defined_in(TESTS / "test_contract.py")

    assert not cases - named_in(PAGE)
