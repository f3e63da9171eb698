"""msgspec: its one error."""

from typing import Any

import attrs
import msgspec
import pytest

from errorshape.core.details import details_of

SECRET = "hunter2-do-not-tell"


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
            {"connector.config.sizes.*": "Key: Expected `int`, got `str`"},
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


class Upper(msgspec.Struct):
    name: str

    def __post_init__(self) -> None:
        if self.name == "int":
            int(SECRET)
        raise ValueError("Write it in capitals")


@pytest.mark.parametrize(
    ("name", "message"), [("x", "Write it in capitals"), ("int", "Invalid value")]
)
def test_messages_of_a_post_init(name, message):
    """What the application raises is its own message; what a library raises may quote the value."""
    exc = failure(f'[{{"name":"{name}"}}]'.encode(), list[Upper])

    assert details_of(exc) == {"0": message}


def test_messages_of_a_hook():
    """A dec_hook that parses fails with a message that quotes what it was given."""

    def hook(cls: Any, value: Any) -> Any:
        return complex(value)

    with pytest.raises(msgspec.ValidationError, match="complex") as caught:
        msgspec.json.decode(b'["1+"]', type=list[complex], dec_hook=hook)

    assert details_of(caught.value) == {"0": "Invalid value"}


@attrs.define
class Limits:
    count: int = attrs.field(default=5, validator=attrs.validators.ge(3))


def test_a_class_of_attrs():
    """msgspec runs its validators; the attribute is part of the path."""
    exc = failure(b'[{"count":1}]', list[Limits])

    assert details_of(exc) == {"0.count": "Must be >= 3"}
