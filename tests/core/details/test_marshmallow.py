"""marshmallow: nested, indexed, of the schema as a whole."""

import marshmallow
import pytest
from marshmallow import Schema, fields, validate, validates_schema

from errorshape.core.details import details_of
from errorshape.core.details.marshmallow import from_messages

REQUIRED = "Missing data for required field."
NOT_AN_INT = "Not a valid integer."


class Item(Schema):
    name = fields.Str(required=True)
    value = fields.Int()
    key = fields.Int()


class Body(Schema):
    items = fields.List(fields.Nested(Item))
    labels = fields.Dict(keys=fields.Str(validate=validate.Length(max=3)), values=fields.Int())
    named = fields.Dict(values=fields.Nested(Item))
    pair = fields.Tuple((fields.Int(), fields.Str()))
    plan = fields.Str(validate=validate.OneOf(["free", "paid"]))

    @validates_schema
    def one_is_enough(self, data, **kwargs):
        if {"pair", "plan"} <= data.keys():
            raise marshmallow.ValidationError("Choose one of pair and plan")


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"items": [{"name": "a"}, {}]}, {"items.1.name": REQUIRED}),
        ({"items": [{"name": "a", "value": "x"}]}, {"items.0.value": NOT_AN_INT}),
        ({"items": 7}, {"items": "Not a valid list."}),
        ({"labels": {"a": "x"}}, {"labels.a": NOT_AN_INT}),
        (
            {"labels": {"abcd": "x"}},
            {"labels.abcd": f"Longer than maximum length 3.; {NOT_AN_INT}"},
        ),
        ({"named": {"a": {"name": "x", "value": "x"}}}, {"named.a.value": NOT_AN_INT}),
        ({"named": {"a": {}}}, {"named.a.name": REQUIRED}),
        ({"pair": ["x", "y"]}, {"pair.0": NOT_AN_INT}),
        ({"plan": "gold"}, {"plan": "Must be one of: free, paid."}),
        ({"a.b": 1}, {'["a.b"]': "Unknown field."}),
        ({"pair": [1, "x"], "plan": "free"}, {"$": "Choose one of pair and plan"}),
        ([], {"$": "Invalid input type."}),
    ],
    ids=str,
)
def test_a_schema(body, details):
    """Each error at its field, and what is about all of it at the whole."""
    with pytest.raises(marshmallow.ValidationError) as caught:
        Body().load(body)

    assert details_of(caught.value) == details


def test_many():
    """A list of objects begins with the index."""
    with pytest.raises(marshmallow.ValidationError) as caught:
        Body(many=True).load([{}, {"plan": "gold"}])

    assert details_of(caught.value) == {"1.plan": "Must be one of: free, paid."}


def test_a_field():
    """Outside of a schema the value is the whole."""
    with pytest.raises(marshmallow.ValidationError) as caught:
        fields.Int().deserialize("x")

    assert details_of(caught.value) == {"$": NOT_AN_INT}


def test_messages_alone():
    """Without the input nobody knows whether "value" is a field: it stays."""
    messages = {"labels": {"a": {"value": [NOT_AN_INT]}}, "_schema": ["No"]}

    assert from_messages(messages) == {"labels.a.value": NOT_AN_INT, "$": "No"}


def test_an_index_that_the_input_does_not_have():
    """Messages that the application wrote may be about anything."""
    assert from_messages({"tags": {5: {"value": ["No"]}}}, {"tags": ["a"]}) == {
        "tags.5.value": "No"
    }
