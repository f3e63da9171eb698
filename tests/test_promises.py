"""docs/promises.md maps the contract, sentence by sentence, to its tests; here it is held to that."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CONTRACT = (TESTS / "CONTRACT.md").read_text(encoding="utf-8")
PAGE = (TESTS.parent / "docs" / "promises.md").read_text(encoding="utf-8")

_BLOCK = re.compile(r"\n(?=[-|]|\d\. )|\n\n")
_SENTENCE = re.compile(r"(?<=[.)])(?<!\d\.) (?=[A-Z`(])")


def sections_of(text):
    """The text under each heading, examples left out, by what the heading begins with."""
    text = re.sub(r"^```.*?^```\n", "", text, flags=re.DOTALL | re.MULTILINE)
    parts = re.split(r"^## §?(\w+).*\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def cells_of(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def sentences_of(section):
    """Its sentences in their order; a row of a table is one, its cells joined by colons."""
    found = []
    for block in (" ".join(block.split()) for block in _BLOCK.split(section)):
        if block.startswith("|") and not set(block) <= set("|- "):
            found.append(": ".join(cells_of(block)))
        elif block and not block.startswith("|"):
            found += _SENTENCE.split(re.sub(r"^(- |\d\. )", "", block))
    return [sentence for sentence in found if not sentence.endswith((": rule", ": when"))]


def rows_of(section):
    """The rows of its tables: what is promised, and the names of its tests."""
    rows = [cells_of(line) for line in section.splitlines() if line.startswith("| ")]
    return [
        (promise, set(re.findall(r"`(test_\w+|Test\w+)`", tests)))
        for promise, tests in rows
        if promise not in ("promise", "---")
    ]


def defined_in(path):
    """The tests of a module, functions as well as what is assigned as a class of tests."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in names if name.lower().startswith("test")}


PROMISED = {title: sentences_of(section) for title, section in sections_of(CONTRACT).items()}
ROWS = {title: rows_of(section) for title, section in sections_of(PAGE).items()}
ALL = set().union(*map(defined_in, TESTS.rglob("test_*.py")))


@pytest.mark.parametrize(
    ("promise", "tests"), [row for rows in ROWS.values() for row in rows], ids=lambda cell: ""
)
def test_every_promise_has_a_test(promise, tests):
    """At least one, and each that is named exists."""
    assert tests, promise
    assert not tests - ALL


@pytest.mark.parametrize("section", PROMISED)
def test_every_sentence_of_the_contract_is_promised(section):
    """In its own words and in their order, cut where they are many; and nothing else is."""
    shown = [promise.removesuffix(" …") for promise, _ in ROWS[section]]

    assert len(shown) == len(PROMISED[section]) > 0
    for promise, sentence in zip(shown, PROMISED[section], strict=True):
        assert sentence.startswith(promise)
        assert promise == sentence or len(promise) > 100


def test_every_test_of_the_security_policy_exists():
    """SECURITY.md names tests and files of tests."""
    policy = (TESTS.parent / "SECURITY.md").read_text(encoding="utf-8")

    assert set(re.findall(r"`(test_\w+)`", policy)) <= ALL
    assert all((TESTS.parent / path).exists() for path in re.findall(r"`(tests/[\w/.]+)`", policy))


def test_every_section_of_the_contract_is_there():
    """All seven, and what goes beyond it."""
    assert list(PROMISED) == list("1234567")
    assert list(ROWS) == [*"1234567", "Beyond"]


def test_every_test_of_the_contract_holds_a_promise():
    """A case of the contract that no promise names is a promise that nobody has written down."""
    named = set().union(*(tests for rows in ROWS.values() for _, tests in rows))

    assert not defined_in(TESTS / "test_contract.py") - named
