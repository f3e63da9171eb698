"""Django REST Framework: nested, lists, ErrorDetail."""

import sys

import pytest
from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from errorshape.core.details import details_of

SECRET = "hunter2-do-not-tell"
REQUIRED = "This field is required."
NOT_AN_INT = "A valid integer is required."


class Item(serializers.Serializer):
    name = serializers.CharField()
    count = serializers.IntegerField(default=1)

    def validate(self, attrs):
        if attrs["count"] == 13:
            raise ValidationError("Bad luck")
        return attrs


class Body(serializers.Serializer):
    items = Item(many=True, required=False)
    first = Item(required=False)
    tags = serializers.ListField(child=serializers.IntegerField(), required=False)
    labels = serializers.DictField(child=serializers.IntegerField(), required=False)
    plan = serializers.ChoiceField(["free"], required=False)
    plans = serializers.MultipleChoiceField(choices=["free"], required=False)
    uuid = serializers.UUIDField(required=False)
    when = serializers.DateTimeField(required=False)


CASES = [
    ({"items": [{"name": "a"}, {}]}, {"items.1.name": REQUIRED}),
    ({"items": [{}]}, {"items.0.name": REQUIRED}),
    ({"items": [{"name": "a", "count": 13}]}, {"items.0": "Bad luck"}),
    ({"items": {}}, {"items": 'Expected a list of items but got type "dict".'}),
    ({"first": {"name": "a", "count": SECRET}}, {"first.count": NOT_AN_INT}),
    ({"first": {"name": "a", "count": 13}}, {"first": "Bad luck"}),
    ({"first": 7}, {"first": "Invalid data. Expected a dictionary, but got int."}),
    ({"tags": [SECRET, 1, "y"]}, {"tags.0": NOT_AN_INT, "tags.2": NOT_AN_INT}),
    ({"labels": {"a.b": SECRET}}, {'labels.["a.b"]': NOT_AN_INT}),
    ({"plan": SECRET}, {"plan": '"…" is not a valid choice.'}),
    ({"plans": [SECRET]}, {"plans": '"…" is not a valid choice.'}),
    ({"uuid": SECRET}, {"uuid": "Must be a valid UUID."}),
    ([], {"$": "Invalid data. Expected a dictionary, but got list."}),
]


@pytest.mark.parametrize(("body", "details"), CASES, ids=str)
def test_a_serializer(body, details):
    """Each error at its field or its index, what is about the whole at the whole."""
    with pytest.raises(ValidationError) as caught:
        Body(data=body).is_valid(raise_exception=True)

    assert details_of(caught.value) == details


def test_many():
    """A list of objects begins with the index, zero too."""
    with pytest.raises(ValidationError) as caught:
        Item(data=[{}, {"name": "a"}, {"name": "a", "count": "x"}], many=True).is_valid(
            raise_exception=True
        )

    assert details_of(caught.value) == {"0.name": REQUIRED, "2.count": NOT_AN_INT}


@pytest.mark.parametrize(
    ("detail", "details"),
    [
        ("No", {"$": "No"}),
        (["No", "Neither"], {"$": "No; Neither"}),
        (("No",), {"$": "No"}),
        ({"a": "No"}, {"a": "No"}),
        ({"a": ErrorDetail("No", code="invalid_choice")}, {"a": "No"}),
        ({"a": [{"b": ["No"]}, "Neither"]}, {"a.0.b": "No", "a": "Neither"}),
        ({"non_field_errors": ["No"]}, {"$": "No"}),
        ({"a": [[], ["No"]]}, {"a.1": "No"}),
        ({}, {}),
    ],
    ids=str,
)
def test_an_error(detail, details):
    """Whatever an application raises."""
    assert details_of(ValidationError(detail)) == details


def test_related_objects():
    """Keys that lead nowhere are not repeated."""

    class Nobody:
        def get(self, **lookup):
            raise models.ObjectDoesNotExist

        def get_queryset(self):
            return self

        all = get_queryset

    class Related(serializers.Serializer):
        pk = serializers.PrimaryKeyRelatedField(queryset=Nobody())
        slug = serializers.SlugRelatedField(slug_field="name", queryset=Nobody())

    serializer = Related(data={"pk": f'{SECRET}"', "slug": f"{SECRET}=a\nb"})
    with pytest.raises(ValidationError) as caught:
        serializer.is_valid(raise_exception=True)

    assert details_of(caught.value) == {
        "pk": 'Invalid pk "…" - object does not exist.',
        "slug": "Object with name=… does not exist.",
    }


def test_another_language(monkeypatch):
    """A translated message stays translated, without the value."""
    german = {"invalid_choice": '"{input}" ist keine gültige Option.'}
    monkeypatch.setattr(serializers.ChoiceField, "default_error_messages", german)

    with pytest.raises(ValidationError) as caught:
        Body(data={"plan": SECRET}).is_valid(raise_exception=True)

    assert details_of(caught.value) == {"plan": '"…" ist keine gültige Option.'}


def test_a_message_of_a_part_that_is_not_imported(monkeypatch):
    """Whoever wrote it, it was not that part."""
    monkeypatch.delitem(sys.modules, "rest_framework.relations")

    exc = ValidationError({"a": ErrorDetail("No such thing", code="does_not_exist")})

    assert details_of(exc) == {"a": "No such thing"}
