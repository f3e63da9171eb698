"""Forms and formsets as errors."""

import django
import pytest
from django import forms

import errorshape
from errorshape.django import validated

django.setup()


class Person(forms.Form):
    name = forms.CharField()


def test_a_valid_form():
    """Its data comes back."""
    assert validated(Person({"name": "Ada"})) == {"name": "Ada"}


def test_an_invalid_form():
    """Every field is in the details."""
    with pytest.raises(errorshape.ValidationError) as caught:
        validated(Person({}))

    assert caught.value.details == {"name": "This field is required."}


def test_a_formset():
    """So is every form of a set."""
    people = forms.formset_factory(Person, min_num=2)

    sent = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "0", "form-0-name": "Ada"}
    with pytest.raises(errorshape.ValidationError) as caught:
        validated(people(sent))
    assert caught.value.details == {"1.name": "This field is required."}
    assert validated(people(sent | {"form-1-name": "Bob"})) == [{"name": "Ada"}, {"name": "Bob"}]
