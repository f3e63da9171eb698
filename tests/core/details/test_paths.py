"""The grammar of paths, and how messages come together under them (CONTRACT §7)."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorshape.core.details import paths
from errorshape.core.details.paths import collect, path


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (["connector", "config", "api_key"], "connector.config.api_key"),
        (["tags", 0, "name"], "tags.0.name"),
        ([], "$"),
        (["a.b", "c"], '["a.b"].c'),
        (["", "x"], '[""].x'),
        (["a[0]"], '["a[0]"]'),
        (['say "hi"'], r'["say \"hi\""]'),
        (["\ud800."], '["\ufffd."]'),
    ],
    ids=str,
)
def test_paths(segments, expected):
    """Segments joined by dots; those that would be misread are quoted as JSON."""
    assert path(segments) == expected


def parsed(dotted: str) -> list[str]:
    """Read a path back: the grammar has one reading."""
    if dotted == "$":
        return []
    segment = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|([^.\[\]"]+)')
    found, at = [], 0
    while True:
        match = segment.match(dotted, at)
        assert match, dotted[at:]
        found.append(json.loads(f'"{match[1]}"') if match[2] is None else match[2])
        at = match.end()
        if at == len(dotted):
            return found
        assert dotted[at] == "."
        at += 1


@given(st.lists(st.text(max_size=10), max_size=5).filter(lambda names: names != ["$"]))
def test_a_path_has_one_reading(names):
    """Two places never share a path."""
    assert parsed(path(names)) == names


def test_messages_of_one_field_are_joined():
    """Every message arrives."""
    assert collect([(["a"], "Too short"), (["b"], "No"), (["a"], "Not a word")]) == {
        "a": "Too short; Not a word",
        "b": "No",
    }


def test_a_message_is_said_once():
    """The branches of a union often complain alike."""
    assert collect([(["a"], "No"), (["a"], "Not a word"), (["a"], "No")]) == {"a": "No; Not a word"}


def test_indices_and_names_are_alike_known_or_not(monkeypatch):
    """A few short ones are remembered; the rest is only as quick as it can be."""
    monkeypatch.setattr(paths, "_MOST_NAMES", 0)

    assert (
        path(["never_seen_before", 7, 1_000, "n" * 100]) == f"never_seen_before.7.1000.{'n' * 100}"
    )
    assert "never_seen_before" not in paths.name_of.__self__
