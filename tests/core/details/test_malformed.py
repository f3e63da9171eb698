"""Malformed input: a place, no content."""

import json

import msgspec
import pytest

from errorshape.core.details import details_of

SECRET = "hunter2-do-not-tell"


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


@pytest.mark.parametrize(
    ("decode", "raw", "message"),
    [
        (msgspec.json.decode, b'{"a" 1}', "JSON is malformed: expected ':' (byte 5)"),
        (msgspec.json.decode, b'{"a', "Input data was truncated"),
        (msgspec.msgpack.decode, b"\xc1", "Malformed (byte 0)"),
        (msgspec.toml.decode, f"a = {SECRET}".encode(), "Malformed (at line 1, column 5)"),
    ],
    ids=["json", "truncated", "msgpack", "toml"],
)
def test_msgspec(decode, raw, message):
    """What quotes the document, or a byte of it, is cut down to the place."""
    with pytest.raises(msgspec.DecodeError) as caught:
        decode(raw)

    assert details_of(caught.value) == {"$": message}


def test_yaml():
    """YAML's own message quotes the document."""
    pytest.importorskip("yaml")

    with pytest.raises(msgspec.DecodeError, match=SECRET) as caught:
        msgspec.yaml.decode(f"a: !{SECRET} 1")

    assert details_of(caught.value) == {"$": "Malformed"}
