"""Validators' errors as details, and the grammar of their paths (CONTRACT §7)."""

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorshape.core.details import collect, details_of, path

SECRET = "hunter2-do-not-tell"


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


class Config(msgspec.Struct, forbid_unknown_fields=True):
    api_key: str = ""
    limits: dict[str, list[int]] = {}
    sizes: dict[int, int] = {}
    level: int = 1


class Connector(msgspec.Struct):
    config: Config


class Body(msgspec.Struct):
    connector: Connector


def failure(raw: bytes, cls=Body) -> Exception:
    with pytest.raises(msgspec.MsgspecError) as caught:
        msgspec.json.decode(raw, type=cls)
    return caught.value


@pytest.mark.parametrize(
    ("raw", "details"),
    [
        (
            b'{"connector":{"config":{"api_key":5}}}',
            {"connector.config.api_key": "Expected `str`, got `int`"},
        ),
        (b'{"connector":{}}', {"connector.config": "Missing required field"}),
        (b'{"connector":{"config":{"odd":5}}}', {"connector.config.odd": "Unknown field"}),
        (
            b'{"connector":{"config":{"limits":{"a":[1,"x"]}}}}',
            {"connector.config.limits.*.1": "Expected `int`, got `str`"},
        ),
        (
            b'{"connector":{"config":{"sizes":{"a":1}}}}',
            {"connector.config.sizes": "Expected `int`, got `str`"},
        ),
        (b"5", {"$": "Expected `object`, got `int`"}),
        (b"{", {"$": "Input data was truncated"}),
        (b"[1,}", {"$": "JSON is malformed: invalid character (byte 0)"}),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else "",
)
def test_msgspec(raw, details):
    """Its one error, at the field that is wrong, missing or unknown."""
    exc = failure(raw)
    if raw == b"[1,}":
        assert details_of(exc)["$"].startswith(("Expected `object`", "JSON is malformed"))
    else:
        assert details_of(exc) == details


def test_msgspec_values_are_not_repeated():
    """A submitted value is in no message."""

    class Colour(msgspec.Struct, tag="colour"):
        pass

    class Shape(msgspec.Struct, tag="shape"):
        pass

    exc = failure(f'{{"type":"{SECRET} - at `$.x`"}}'.encode(), Colour | Shape)

    assert details_of(exc) == {"type": "Invalid value"}


def test_malformed_json():
    """A place, no content."""
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads(f'{{"a": {SECRET}')

    assert details_of(caught.value) == {"$": "Expecting value: line 1 column 7 (char 6)"}


def test_malformed_text():
    """A place, no content."""
    with pytest.raises(UnicodeDecodeError) as caught:
        b"ab\xffc".decode()

    assert details_of(caught.value) == {"$": "Not valid utf-8 at byte 2"}


def test_other_errors_have_no_details():
    """Whatever is no validator's error is for somebody else."""
    assert details_of(ValueError("x")) is None
