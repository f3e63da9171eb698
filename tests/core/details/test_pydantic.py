"""pydantic 2: all errors, without the names that it puts into ``loc`` by itself."""

import enum
import ipaddress
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

import pydantic
import pydantic.dataclasses
import pytest
from pydantic_core import InitErrorDetails, PydanticCustomError

from errorshape.core.details import details_of
from errorshape.core.details.pydantic import from_request

SECRET = "hunter2-do-not-tell"
NOT_AN_INT = "Input should be a valid integer, unable to parse string as an integer"


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    name: int


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]
    bark: str


def failure(cls: Any, value: Any) -> pydantic.ValidationError:
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(cls).validate_python(value)
    return caught.value


Checked = Annotated[str, pydantic.AfterValidator(lambda value: value)]
ByFunction = Annotated[
    Annotated[Cat, pydantic.Tag("a")] | Annotated[Dog, pydantic.Tag("b")],
    pydantic.Discriminator(lambda value: "a"),
]

PATHS: dict[str, tuple[Any, Any, set[str]]] = {
    "field": (dict[str, int], {"a": "x"}, {"a"}),
    "whole": (int, "x", {"$"}),
    "list": (list[list[int]], [[1], [1, "x"]], {"1.1"}),
    "tuple": (tuple[int, str], ["x"], {"0", "1"}),
    "set": (set[int], ["x"], {"0"}),
    "odd name": (dict[str, int], {"a.b": "x"}, {'["a.b"]'}),
    "key": (dict[int, int], {"x": 1}, {"x"}),
    "int key": (dict[int, int], {1: "x"}, {"1"}),
    "int key deep": (dict[int, Cat], {1: {"kind": "cat"}}, {"1.name"}),
    "union": (dict[str, int | list[int] | None], {"a": "x"}, {"a"}),
    "union of the whole": (int | bool, "x", {"$"}),
    "function in a union": (dict[str, Checked | int], {"a": []}, {"a"}),
    "models in a union": (
        dict[str, Cat | Dog],
        {"a": {"kind": "cat", "name": "x"}},
        {"a.name", "a.kind", "a.bark"},
    ),
    "tagged": (
        dict[str, Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]],
        {"a": {"kind": "dog"}},
        {"a.bark"},
    ),
    "tagged by a function": (list[ByFunction], [{"name": "x"}], {"0.kind", "0.name"}),
    "list in a union": (list[int | list[Cat]], [[{"kind": "cat"}]], {"0", "0.0.name"}),
    "json": (dict[str, pydantic.Json[list[Cat]]], {"a": '[{"kind": "cat"}]'}, {"a.0.name"}),
    "json of the whole": (pydantic.Json[Cat], '{"kind": "cat", "name": "x"}', {"name"}),
    "json that is none": (dict[str, pydantic.Json], {"a": "{"}, {"a"}),
    "object": (Cat, {"kind": "cat"}, {"name"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", PATHS)
def test_paths(kind):
    """Fields and indices, and neither the members of a union nor pydantic's functions."""
    cls, value, paths = PATHS[kind]

    assert set(details_of(failure(cls, value))) == paths


def test_aliases():
    """A field is called what the client calls it."""

    class Model(pydantic.BaseModel):
        a: int = pydantic.Field(alias="A")
        b: int = pydantic.Field(validation_alias=pydantic.AliasChoices("B", "b2"))
        c: int = pydantic.Field(validation_alias=pydantic.AliasPath("c", 0, "inner"))

    with pytest.raises(pydantic.ValidationError) as caught:
        Model.model_validate({"A": "x", "b2": "x", "c": [{"inner": "x"}]})

    assert details_of(caught.value) == dict.fromkeys(["A", "b2", "c.0.inner"], NOT_AN_INT)


def test_objects():
    """What is read from attributes has the same paths; tags go where they look like tags."""

    @dataclass
    class Row:
        pets: Any

    class Model(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(from_attributes=True)
        pets: int | list[int]

    with pytest.raises(pydantic.ValidationError) as caught:
        Model.model_validate(Row("x"))

    assert set(details_of(caught.value)) == {"pets"}


class Pets(pydantic.BaseModel):
    pets: list[Cat | Dog]


@pydantic.dataclasses.dataclass
class PetData:
    pets: list[Cat | Dog]


@pydantic.validate_call
def keep(pets: list[Cat | Dog]) -> None:
    """Never called: its argument is not valid."""


WAYS = {
    "init": lambda value: Pets(**value),
    "python": Pets.model_validate,
    "json": lambda value: Pets.model_validate_json('{"pets": [{"kind": "cat", "name": "x"}]}'),
    "adapter json": lambda value: pydantic.TypeAdapter(Pets).validate_json(
        b'{"pets": [{"kind": "cat", "name": "x"}]}'
    ),
    "dataclass": lambda value: PetData(**value),
    "call": lambda value: keep(**value),
    "root": pydantic.RootModel[Pets],
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_validate(way):
    """What was validated is found, by whichever function."""
    with pytest.raises(pydantic.ValidationError) as caught:
        WAYS[way]({"pets": [{"kind": "cat", "name": "x"}]})

    assert {"pets.0.name", "pets.0.kind", "pets.0.bark"} == set(details_of(caught.value))


def test_json_that_is_malformed():
    """A place, no content."""
    with pytest.raises(pydantic.ValidationError) as caught:
        Pets.model_validate_json(f'{{"pets": {SECRET}')

    assert details_of(caught.value) == {"$": "Invalid JSON: expected value at line 1 column 10"}


def test_an_error_without_a_traceback():
    """Made by hand: only what looks like pydantic's own is left out."""
    exc = pydantic.ValidationError.from_exception_data(
        "Model",
        [
            InitErrorDetails(type="int_type", loc=("a", "int"), input=SECRET),
            InitErrorDetails(type="list_type", loc=("a", "list[int]"), input=SECRET),
            InitErrorDetails(type="missing", loc=("b", 0, "int"), input={}),
            InitErrorDetails(type="int_type", loc=("int",), input=SECRET),
        ],
    )

    assert set(details_of(exc)) == {"a", "b.0.int", "int"}


def test_an_error_that_was_raised_elsewhere():
    """Raised again by hand, it says the same."""
    exc = failure(dict[str, int], {"a": "x"})
    with pytest.raises(pydantic.ValidationError) as caught:
        raise exc.with_traceback(None)

    assert details_of(caught.value) == {"a": NOT_AN_INT}


class Colour(enum.Enum):
    RED = "red"


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(val_json_bytes="base64", extra="forbid")
    raw: bytes = b""


def _fails_to_parse(value: str) -> int:
    return int(value)


def _quotes_nothing(value: str) -> str:
    raise ValueError("Only capitals")


def _asserts(value: str) -> str:
    raise AssertionError("Only capitals")


def _custom(value: str) -> str:
    raise PydanticCustomError("capitals", "Only {what}", {"what": "capitals"})


def _custom_value_error(value: str) -> str:
    raise PydanticCustomError("value_error", "Only capitals")


class _Broken:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(SECRET)


class FromAttributes(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(from_attributes=True)
    name: str


MESSAGES: dict[str, tuple[Any, Any, str]] = {
    "enum": (Colour, SECRET, "Input should be 'red'"),
    "uuid": (uuid.UUID, SECRET, "Input should be a valid UUID"),
    "ip": (ipaddress.IPv4Address, SECRET, "Input is not a valid IPv4 address"),
    "email": (pydantic.EmailStr, f"{SECRET}@@x", "Not a valid email address"),
    "size": (pydantic.ByteSize, f"12 {SECRET[:3]}", "Not a valid size in bytes"),
    "base64": (pydantic.Base64Bytes, "a", "Data should be valid base64"),
    "import": (pydantic.ImportString, f"{SECRET}.x", "Not a valid import path"),
    "tag": (
        Annotated[Cat | Dog, pydantic.Field(discriminator="kind")],
        {"kind": SECRET},
        "Expected one of the tags 'cat', 'dog'",
    ),
        "parses": (
        Annotated[str, pydantic.AfterValidator(_fails_to_parse)], SECRET, "Invalid value",
    ),
    "application": (
        Annotated[str, pydantic.AfterValidator(_quotes_nothing)], SECRET, "Only capitals",
    ),
    "assertion": (Annotated[str, pydantic.AfterValidator(_asserts)], SECRET, "Only capitals"),
    "custom": (Annotated[str, pydantic.AfterValidator(_custom)], SECRET, "Only capitals"),
    "custom value error": (
        Annotated[str, pydantic.AfterValidator(_custom_value_error)], SECRET, "Only capitals",
    ),
    "timedelta": (
        timedelta, SECRET,
        "Input should be a valid timedelta, invalid digit in duration",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", MESSAGES)
def test_messages(kind):
    """A value is in no message but in the application's own."""
    cls, value, message = MESSAGES[kind]

    assert details_of(failure(cls, value)) == {"$": message}


def test_an_attribute_that_cannot_be_read():
    """The exception of a property is nobody's business."""
    with pytest.raises(pydantic.ValidationError, match=SECRET) as caught:
        FromAttributes.model_validate(_Broken())

    assert details_of(caught.value) == {"name": "An attribute cannot be read"}


def test_bytes_of_json():
    """base64's own message names a byte."""
    with pytest.raises(pydantic.ValidationError) as caught:
        Strict.model_validate_json('{"raw": "se!", "odd": 1}')

    assert details_of(caught.value) == {
        "raw": "Data has an invalid encoding",
        "odd": "Extra inputs are not permitted",
    }


def test_a_value_error_that_was_made_by_hand():
    """Without a traceback it is whoever made it that is asked for."""
    exc = pydantic.ValidationError.from_exception_data(
        "Model",
        [
            InitErrorDetails(
                type="value_error", loc=("a",), input=1, ctx={"error": ValueError("No")}
            )
        ],
    )

    assert details_of(exc) == {"a": "No"}


# --- what frameworks hand on ----------------------------------------------------------------------


def test_the_location_is_no_part_of_the_path():
    """Body, query and the like say where a value came from, not what it is called."""
    errors = [
        {"loc": (location, "limit"), "type": "int_parsing", "msg": location}
        for location in ("body", "query", "path", "header", "cookie", "form", "file")
    ]

    assert from_request(errors) == {"limit": "body; query; path; header; cookie; form; file"}


def test_a_view_parameter_is_no_part_of_the_path():
    """A name that the body does not have is the view's, or pydantic's."""
    errors = [
        {"loc": ("body", "new_cat", "Cat", "name"), "type": "missing", "msg": "Field required"}
    ]

    assert from_request(errors, {"body": {"kind": "cat"}}) == {"name": "Field required"}
    assert from_request(errors, {"body": {"new_cat": {}}}) == {"new_cat.name": "Field required"}
    assert from_request(errors) == {"new_cat.Cat.name": "Field required"}


def test_a_value_error_of_a_framework():
    """Ninja has made a text of the exception."""
    errors = [
        {
            "loc": ("body", "a"),
            "type": "value_error",
            "msg": "Value error, No",
            "ctx": {"error": "No"},
        }
    ]

    assert from_request(errors) == {"a": "No"}


def test_an_odd_error_of_a_framework():
    """Ninja's paginator gives a dict of its own."""
    assert from_request([{"cursor": "Invalid Cursor"}]) == {"$": "Invalid value"}


def test_malformed_json_of_a_framework():
    """FastAPI puts the position where the path would be."""
    errors = [{"loc": ("body", 7), "type": "json_invalid", "msg": "JSON decode error"}]

    assert from_request(errors) == {"$": "JSON decode error"}
