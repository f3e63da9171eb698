"""No validator's message repeats what was submitted, whatever was submitted where."""

import enum
import uuid
from datetime import date
from typing import Any, Literal

import attrs
import cattrs
import jsonschema
import marshmallow
import msgspec
import pydantic
import pytest
from django import forms
from hypothesis import example, given
from hypothesis import strategies as st
from rest_framework import serializers

from errorshape import ValidationError, validating
from errorshape.core.details.django import details_of_form

SECRET = "hunter2-do-not-tell"


class Plan(enum.Enum):
    FREE = "free"


# --- the same input in every validator's own words -----------------------------------------------


class StructItem(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    count: int = 0


class StructBody(msgspec.Struct):
    items: list[StructItem]
    labels: dict[str, int]
    plan: Plan
    kind: Literal["a", "b"]
    day: date
    id: uuid.UUID


class ModelItem(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    name: str
    count: int = 0


class ModelBody(pydantic.BaseModel):
    items: list[ModelItem | int]
    labels: dict[str, int]
    plan: Plan
    kind: Literal["a", "b"]
    day: date
    id: uuid.UUID


@attrs.define
class AttrsItem:
    name: str = attrs.field(validator=attrs.validators.max_len(5))
    count: int = attrs.field(default=0, validator=attrs.validators.lt(5))


@attrs.define
class AttrsBody:
    items: list[AttrsItem]
    labels: dict[str, int]
    plan: Plan
    kind: Literal["a", "b"]
    id: uuid.UUID


class SchemaItem(marshmallow.Schema):
    name = marshmallow.fields.Str(required=True)
    count = marshmallow.fields.Int()


class SchemaBody(marshmallow.Schema):
    items = marshmallow.fields.List(marshmallow.fields.Nested(SchemaItem), required=True)
    labels = marshmallow.fields.Dict(values=marshmallow.fields.Int())
    plan = marshmallow.fields.Enum(Plan, by_value=True)
    kind = marshmallow.fields.Str(validate=marshmallow.validate.OneOf(["a", "b"]))
    day = marshmallow.fields.Date()
    id = marshmallow.fields.UUID()


class SerializerItem(serializers.Serializer):
    name = serializers.CharField(max_length=3)
    count = serializers.IntegerField(required=False)


class SerializerBody(serializers.Serializer):
    items = SerializerItem(many=True)
    labels = serializers.DictField(child=serializers.IntegerField())
    plan = serializers.ChoiceField(["free"])
    kind = serializers.RegexField("^[ab]$")
    day = serializers.DateField()
    id = serializers.UUIDField()


JSON_SCHEMA = {
    "type": "object",
    "required": ["items", "labels", "plan", "kind"],
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "anyOf": [
                    {"type": "integer"},
                    {
                        "type": "object",
                        "properties": {"name": {"maxLength": 3}, "count": {"type": "integer"}},
                        "additionalProperties": False,
                    },
                ]
            },
        },
        "labels": {"additionalProperties": {"type": "integer"}},
        "plan": {"enum": ["free"]},
        "kind": {"pattern": "^[ab]$"},
        "id": {"const": "x"},
    },
}


class FormBody(forms.Form):
    items = forms.TypedMultipleChoiceField(choices=[("1", "1")], coerce=int)
    labels = forms.JSONField()
    plan = forms.ChoiceField(choices=[("free", "Free")])
    kind = forms.RegexField("^[ab]$")
    day = forms.DateField()
    id = forms.UUIDField()


def _converter() -> cattrs.Converter:
    made = cattrs.Converter(forbid_extra_keys=True)
    made.register_structure_hook(uuid.UUID, lambda value, cls: uuid.UUID(value))
    return made


def _form(body: Any) -> None:
    texts = body.items() if isinstance(body, dict) else ()  # a form has nothing else
    form = FormBody(
        {name: [str(value)] if name == "items" else str(value) for name, value in texts}
    )
    if not form.is_valid():
        raise ValidationError(details=details_of_form(form))


VALIDATORS = {
    "msgspec": lambda body: msgspec.convert(body, StructBody),
    "msgspec-json": lambda body: msgspec.json.decode(msgspec.json.encode(body), type=StructBody),
    "pydantic": lambda body: pydantic.TypeAdapter(ModelBody).validate_python(body),
    "pydantic-json": lambda body: ModelBody.model_validate_json(msgspec.json.encode(body)),
    "cattrs": lambda body: _converter().structure(body, AttrsBody),
    "cattrs-plain": lambda body: cattrs.Converter(detailed_validation=False).structure(
        body, list[AttrsItem]
    ),
    "marshmallow": lambda body: SchemaBody().load(body),
    "drf": lambda body: SerializerBody(data=body).is_valid(raise_exception=True),
    "jsonschema": lambda body: jsonschema.validate(body, JSON_SCHEMA),
    "django": _form,
}

# Every text holds the secret; names are those of the fields, and some that nobody knows.
secrets = st.text(max_size=5).map(lambda text: SECRET + text)
scalars = st.none() | st.booleans() | st.integers(-99, 99) | secrets
names = st.sampled_from(["name", "count", "a.b", "value", "key", ""])
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)
bodies = anything | st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("items", "labels", "plan", "kind", "day", "id", "unknown"), anything),
)


@pytest.mark.parametrize("validator", VALIDATORS)
@given(body=bodies)
@example(body=dict.fromkeys(["items", "labels", "plan", "kind", "day", "id"], SECRET))
@example(body={"items": [{"name": SECRET, "count": SECRET}], "labels": {"a": SECRET}})
def test_no_message_repeats_a_value(validator, body):
    """Whatever comes, nothing but a 400 comes out, and no text of the input is in a message."""
    try:
        with validating():
            VALIDATORS[validator](body)
    except ValidationError as error:
        for path, message in (error.details or {}).items():
            assert SECRET not in message, path
            assert message
