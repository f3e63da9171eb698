"""Django's ValidationError: one, a list, a dict; of forms, formsets and models."""

import pytest
from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.utils.functional import lazystr
from django.utils.text import format_lazy

from errorshape import validating
from errorshape.core.details import details_of
from errorshape.core.details.django import details_of_form

SECRET = "hunter2-do-not-tell"


class Person(forms.Form):
    name = forms.CharField(max_length=5)
    age = forms.IntegerField(max_value=150)
    plan = forms.ChoiceField(choices=[("free", "Free")], required=False)
    plans = forms.MultipleChoiceField(choices=[("free", "Free")], required=False)
    day = forms.DateField(required=False)
    photo = forms.FileField(required=False)
    image = forms.FileField(required=False, validators=forms.ImageField.default_validators)

    def clean(self):
        if self.cleaned_data.get("name") == "x":
            raise ValidationError("Nobody is called that", code="nobody")


People = forms.formset_factory(Person, max_num=2, validate_max=True)


class Row(models.Model):
    number = models.IntegerField()
    when = models.DateField(null=True)
    plan = models.CharField(max_length=4, choices=[("free", "Free")])

    class Meta:
        app_label = "tests"

    def clean(self):
        raise ValidationError({NON_FIELD_ERRORS: ["Never"], "number": "Not this one"})


@pytest.mark.parametrize(
    ("exc", "details"),
    [
        (ValidationError("No"), {"$": "No"}),
        (ValidationError(lazystr("No")), {"$": "No"}),
        (ValidationError(["No", ValidationError("Neither")]), {"$": "No; Neither"}),
        (ValidationError({"a": "No", "b": ["No", "Neither"]}), {"a": "No", "b": "No; Neither"}),
        (ValidationError({NON_FIELD_ERRORS: ["No"]}), {"$": "No"}),
        (ValidationError({"a.b": "No"}), {'["a.b"]': "No"}),
        (ValidationError("At most %(limit)s", params={"limit": 5}), {"$": "At most 5"}),
        (ValidationError("%(value)s?", params={"value": SECRET}), {"$": "…?"}),
        (ValidationError("%(value)r?", params={"value": SECRET}), {"$": "…?"}),
        (ValidationError("%(value)d?", params={"value": 7}), {"$": "Invalid value"}),
        (ValidationError("%(missing)s", params={"value": 7}), {"$": "Invalid value"}),
        (ValidationError("50 % off", params={"value": 7}), {"$": "Invalid value"}),
        (ValidationError("%s at most", params=("5",)), {"$": "5 at most"}),
        (
            ValidationError("Unknown: %(keys)s", code="extra_keys", params={"keys": SECRET}),
            {"$": "Unknown: …"},
        ),
        (
            ValidationError("Missing: %(keys)s", code="missing_keys", params={"keys": "a"}),
            {"$": "Missing: a"},
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_an_error(exc, details):
    """A dict by its fields, lists joined, parameters put in but for what was submitted."""
    assert details_of(exc) == details


@pytest.mark.parametrize(
    ("validator", "value", "message"),
    [
        (MaxValueValidator(5), 7, "Ensure this value is less than or equal to 5."),
        (MaxValueValidator(5, "%(show_value)s is over %(limit_value)s"), 7, "… is over 5"),
        (RegexValidator("^a"), SECRET, "Enter a valid value."),
    ],
    ids=["max", "own", "regex"],
)
def test_a_validator(validator, value, message):
    """Django's own validators, with a template of the application's, too."""
    with pytest.raises(ValidationError) as caught:
        validator(value)

    assert details_of(caught.value) == {"$": message}


def test_an_item_of_an_array():
    """As django.contrib.postgres prefixes it: the number counts from one, the text is complete."""

    def item(message, value):
        whole = format_lazy("{} {}", "Item 2 in the array did not validate:", message)
        return ValidationError(whole, code="item_invalid", params={"nth": 2, "value": value})

    exc = ValidationError({"tags": [item("Too long", SECRET), item(f"{SECRET} is odd", SECRET)]})

    assert details_of(exc) == {
        "tags.1": "Item 2 in the array did not validate: Too long; Invalid value"
    }


def test_a_form():
    """All fields, and the form as a whole."""
    form = Person({"name": "x" * 6, "age": "200", "plan": SECRET, "plans": [SECRET], "day": SECRET})

    assert details_of_form(form) == {
        "name": "Ensure this value has at most 5 characters (it has 6).",
        "age": "Ensure this value is less than or equal to 150.",
        "plan": "Select a valid choice. … is not one of the available choices.",
        "plans": "Select a valid choice. … is not one of the available choices.",
        "day": "Enter a valid date.",
    }
    assert details_of_form(Person({"name": "x", "age": "1"})) == {"$": "Nobody is called that"}


def test_a_file():
    """The extension is part of what was submitted."""
    form = Person({"name": "a", "age": 1}, {"image": SimpleUploadedFile(f"a.{SECRET}", b"x")})

    assert details_of_form(form)["image"].startswith("File extension “…” is not allowed.")


def test_the_errors_of_a_form_as_an_exception():
    """``raise ValidationError(form.errors.as_data())`` says the same."""
    form = Person({"age": SECRET})

    with pytest.raises(ValidationError) as caught:
        raise ValidationError(form.errors.as_data())

    assert (
        details_of(caught.value)
        == details_of_form(form)
        == {
            "name": "This field is required.",
            "age": "Enter a whole number.",
        }
    )


def test_a_formset():
    """Each form by its index, the set as a whole."""
    people = People(
        {
            "form-TOTAL_FORMS": "3",
            "form-INITIAL_FORMS": "0",
            "form-0-name": "a",
            "form-0-age": "1",
            "form-1-name": "x",
            "form-1-age": "1",
            "form-2-name": "a",
            "form-2-age": SECRET,
        }
    )

    assert details_of_form(people) == {
        "$": "Please submit at most 2 forms.",
        "1": "Nobody is called that",
        "2.age": "Enter a whole number.",
    }


def test_a_model():
    """full_clean() without a database: fields, choices, and clean()."""
    with pytest.raises(ValidationError) as caught:
        Row(number=SECRET, when=SECRET, plan=SECRET[:4]).full_clean()

    assert details_of(caught.value) == {
        "number": "“…” value must be an integer.; Not this one",
        "when": "“…” value has an invalid date format. It must be in YYYY-MM-DD format.",
        "plan": "Value … is not a valid choice.",
        "$": "Never",
    }


def test_validating():
    """Inside it a ValidationError is the client's."""
    import errorshape

    with pytest.raises(errorshape.ValidationError) as caught, validating():
        raise ValidationError({"a": "No"})

    assert caught.value.details == {"a": "No"}
