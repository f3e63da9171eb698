"""cattrs: a tree of exception groups, a path for each leaf."""

import enum
from decimal import Decimal
from typing import Literal

import attrs
import cattrs
import pytest

from errorshape import ErrorLayer, ValidationError, validating
from errorshape.core.details import details_of

SECRET = "hunter2-do-not-tell"


class Plan(enum.Enum):
    FREE = "free"
    PAID = "paid"


class Colour:
    pass


@attrs.define
class Item:
    name: str
    count: int = attrs.field(default=5, validator=attrs.validators.ge(3))


@attrs.define
class Body:
    items: list[Item] = attrs.Factory(list)
    labels: dict[str, int] = attrs.Factory(dict)
    sizes: dict[int, int] = attrs.Factory(dict)
    pair: tuple[int, str] = (1, "a")
    plan: Plan = Plan.FREE
    kind: Literal["a", "b"] = "a"
    price: Decimal = Decimal(1)
    perhaps: int | None = None
    colour: Colour | None = None


def converter(**options):
    made = cattrs.Converter(forbid_extra_keys=True, **options)

    def colour(value, cls):
        if value == "key":
            return {}[SECRET]
        if value == "parse":
            return int(SECRET)
        raise ValueError("There is no such colour")

    made.register_structure_hook(Colour, colour)
    made.register_structure_hook(Decimal, lambda value, cls: Decimal(value))
    return made


def failure(value, cls=Body, **options):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of any class, as cattrs has it
        converter(**options).structure(value, cls)
    return caught.value


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"items": [{"name": "a"}, {}]}, {"items.1.name": "Missing required field"}),
        (
            {"items": [{"name": "a", "count": "x"}]},
            {"items.0.count": "Invalid value, expected `int`"},
        ),
        ({"items": [{"name": "a", "count": 1}]}, {"items.0.count": "Must be >= 3"}),
        ({"items": [7]}, {"items.0": "Invalid value"}),
        ({"items": 7}, {"items": "Invalid value"}),
        ({"labels": {"a": SECRET}}, {"labels.a": "Invalid value, expected `int`"}),
        ({"labels": 7}, {"labels": "Invalid value"}),
        ({"sizes": {"x": 1}}, {"sizes.x": "Invalid value, expected `int`"}),
        ({"pair": [SECRET, "b"]}, {"pair.0": "Invalid value, expected `int`"}),
        ({"pair": [1]}, {"pair": "Invalid value"}),
        ({"plan": SECRET}, {"plan": "Expected one of `free`, `paid`"}),
        ({"kind": SECRET}, {"kind": "Expected one of `a`, `b`"}),
        ({"price": SECRET}, {"price": "Invalid value, expected `Decimal`"}),
        ({"perhaps": SECRET}, {"perhaps": "Invalid value"}),
        ({"colour": "red"}, {"colour": "There is no such colour"}),
        ({"colour": "parse"}, {"colour": "Invalid value"}),
        ({"colour": "key"}, {"colour": "Invalid value"}),
        ({"odd": 1, "a.b": 2}, {'["a.b"]': "Unknown field", "odd": "Unknown field"}),
        (
            {"plan": SECRET, "items": [{"count": 1}], "labels": {"a": "x", "b": 1, "c": "x"}},
            {
                "plan": "Expected one of `free`, `paid`",
                "items.0.name": "Missing required field",
                "labels.a": "Invalid value, expected `int`",
                "labels.c": "Invalid value, expected `int`",
            },
        ),
    ],
    ids=str,
)
def test_a_class(body, details):
    """Every leaf at its place, of whatever class; only the application's text is repeated."""
    assert details_of(failure(body)) == details


def test_a_list():
    """The index comes first; keys that are no names are made text."""
    assert details_of(failure([1, "x"], list[int])) == {"1": "Invalid value, expected `int`"}
    assert set(details_of(failure({(1, 2): "x"}, dict[tuple[int, int], int]))) == {"(1, 2)"}


@pytest.mark.parametrize("value", [[1], 7, None], ids=str)
def test_what_is_no_mapping(value):
    """Then cattrs raises what it stumbles over, without a place."""
    assert details_of(failure(value)) == {"$": "Invalid value"}


@pytest.mark.parametrize(
    "body",
    [{"labels": {"a": SECRET}}, {"items": [{}]}, {"plan": SECRET}],
    ids=str,
)
def test_without_detailed_validation(body):
    """There are no places then."""
    assert details_of(failure(body, detailed_validation=False)) == {"$": "Invalid value"}


def test_extra_keys_without_detailed_validation():
    """The names are all that there is."""
    assert details_of(failure({"odd": 1}, detailed_validation=False)) == {"odd": "Unknown field"}


def test_a_type_that_nobody_can_structure():
    """That is a mistake of the application's, whatever the client sent."""

    class Unknown:
        pass

    assert details_of(failure("x", Unknown)) is None


def test_a_group_of_one_keeps_its_place():
    """A group with one leaf is that leaf, but not where the leaf does not know its place."""
    exc = failure({"plan": SECRET})
    details = {"plan": "Expected one of `free`, `paid`"}

    with pytest.raises(ValidationError) as caught, validating():
        raise ExceptionGroup("of a task group", [exc])
    assert caught.value.details == details
    layer = ErrorLayer(translate={cattrs.BaseValidationError: ValidationError})
    assert layer.translate(exc).details == details
    assert layer.respond(exc).status == 400
