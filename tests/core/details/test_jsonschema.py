"""jsonschema: one error, its message written from the schema alone."""

import jsonschema
import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from errorshape.core.details import details_of

SECRET = "hunter2-do-not-tell"

OBJECT = {"type": "object"}
CASES = {
    "type": ({"type": "integer"}, SECRET, "$", "Expected `integer`"),
    "types": ({"type": ["integer", "null"]}, SECRET, "$", "Expected `integer` or `null`"),
    "enum": ({"enum": ["a", 1]}, SECRET, "$", "Expected one of `a`, `1`"),
    "const": ({"const": "a"}, SECRET, "$", "Expected `a`"),
    "minimum": ({"minimum": 5}, 4, "$", "Must be >= 5"),
    "maximum": ({"maximum": 5}, 6, "$", "Must be <= 5"),
    "exclusiveMinimum": ({"exclusiveMinimum": 5}, 5, "$", "Must be > 5"),
    "exclusiveMaximum": ({"exclusiveMaximum": 5}, 5, "$", "Must be < 5"),
    "multipleOf": ({"multipleOf": 5}, 6, "$", "Must be a multiple of 5"),
    "minLength": ({"minLength": 1}, "", "$", "Must have at least 1 character"),
    "maxLength": ({"maxLength": 2}, SECRET, "$", "Must have at most 2 characters"),
    "pattern": ({"pattern": "^a"}, SECRET, "$", "Must match the pattern `^a`"),
    "format": ({"format": "ipv4"}, SECRET, "$", "Is not a valid `ipv4`"),
    "minItems": ({"minItems": 2}, [SECRET], "$", "Must have at least 2 items"),
    "maxItems": ({"maxItems": 0}, [SECRET], "$", "Must have at most 0 items"),
    "uniqueItems": ({"uniqueItems": True}, [SECRET, SECRET], "$", "Items must be unique"),
    "contains": ({"contains": {"const": 1}}, [SECRET], "$", "Has no item of the expected kind"),
    "minContains": (
        {"contains": {"const": 1}, "minContains": 2}, [1, SECRET], "$",
        "Must have at least 2 items of the kind",
    ),
    "maxContains": (
        {"contains": {"const": 1}, "maxContains": 1}, [1, 1], "$",
        "Must have at most 1 item of the kind",
    ),
    "items": ({"items": {"type": "integer"}}, [1, SECRET], "1", "Expected `integer`"),
    "no items": (
        {"prefixItems": [{}], "items": False}, [1, SECRET], "$", "Has items that are not allowed",
    ),
    "unevaluatedItems": (
        {"unevaluatedItems": False}, [SECRET], "$", "Has items that are not allowed",
    ),
    "unevaluatedProperties": (
        {"unevaluatedProperties": False}, {SECRET: 1}, "$", "Has properties that are not allowed",
    ),
    "required": ({"required": ["a", "b"]}, {"a": SECRET}, "b", "Missing required property"),
    "required deep": (
        {"properties": {"a": {"items": {"required": ["b"]}}}}, {"a": [{"b": 1}, {}]}, "a.1.b",
        "Missing required property",
    ),
    "additionalProperties": (
        {"properties": {"a": {}}, "patternProperties": {"^x-": {}}, "additionalProperties": False},
        {"a": 1, "x-b": 1, "a.b": SECRET}, '["a.b"]', "Unknown property",
    ),
    "minProperties": ({"minProperties": 2}, {"a": SECRET}, "$", "Must have at least 2 properties"),
    "maxProperties": ({"maxProperties": 0}, {"a": SECRET}, "$", "Must have at most 0 properties"),
    "dependentRequired": (
        {"dependentRequired": {"b": ["a"], "a": ["c", "b"]}}, {"a": SECRET, "c": 1}, "b",
        "Required where there is `a`",
    ),
    "propertyNames": (
        {"properties": {"labels": {"propertyNames": {"maxLength": 3}}}},
        {"labels": {"long-name": 1}}, "labels.long-name", "Must have at most 3 characters",
    ),
    "a property of that name": (
        {"properties": {"propertyNames": {"maxLength": 3}}}, {"propertyNames": SECRET},
        "propertyNames", "Must have at most 3 characters",
    ),
    "not": ({"not": {"type": "string"}}, SECRET, "$", "Has a form that is not allowed"),
    "oneOf": (
        {"oneOf": [{"type": "string"}, {"minLength": 1}]}, SECRET, "$",
        "Does not fit exactly one of the allowed forms",
    ),
    "anyOf": (
        {"anyOf": [{"type": "integer"}, {"type": "array"}]}, SECRET, "$",
        "Fits none of the allowed forms",
    ),
    "the best of anyOf": (
        {
            "properties": {
                "a": {"anyOf": [{"type": "integer"}, {"properties": {"b": {"type": "integer"}}}]}
            }
        },
        {"a": {"b": SECRET}}, "a.b", "Expected `integer`",
    ),
    # jsonschema itself gives no path where a schema is `false`.
    "false": ({"properties": {"a": False}}, {"a": SECRET}, "$", "Is not allowed"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_keywords(kind):
    """What the schema wants, where; never what it got."""
    schema, instance, path, message = CASES[kind]
    checker = Draft202012Validator.FORMAT_CHECKER

    with pytest.raises(jsonschema.ValidationError) as caught:
        Draft202012Validator(schema, format_checker=checker).validate(instance)

    assert details_of(caught.value) == {path: message}


def test_several_unknown_properties():
    """Each at its own path."""
    with pytest.raises(jsonschema.ValidationError) as caught:
        jsonschema.validate({SECRET: 1, "b": 2}, {"additionalProperties": False})

    assert details_of(caught.value) == {SECRET: "Unknown property", "b": "Unknown property"}


def test_dependencies_of_an_older_draft():
    """Draft 7 has one keyword for both kinds."""
    with pytest.raises(jsonschema.ValidationError) as caught:
        jsonschema.Draft7Validator({"dependencies": {"a": ["b"]}}).validate({"a": SECRET})

    assert details_of(caught.value) == {"b": "Required where there is `a`"}


@pytest.mark.parametrize("keyword", ["required", "dependentRequired"])
def test_an_error_that_was_made_by_hand(keyword):
    """What a message of somebody else's is about, nobody knows."""
    exc = jsonschema.ValidationError(SECRET, validator=keyword, instance={}, schema={})

    assert details_of(exc) == {"$": "A required property is missing"}


def test_a_keyword_of_the_application():
    """Its message may quote anything."""

    def even(validator, value, instance, schema):
        yield jsonschema.ValidationError(f"{instance} is odd")

    with pytest.raises(jsonschema.ValidationError) as caught:
        extend(Draft202012Validator, {"even": even})({"even": True}).validate(SECRET)

    assert details_of(caught.value) == {"$": "Is not valid"}
    assert details_of(jsonschema.ValidationError(SECRET)) == {"$": "Is not valid"}
