"""The ``ERRORSHAPE`` setting."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

import errorshape
from errorshape.django.conf import layer_from_settings

LAYER = errorshape.ErrorLayer()
CATALOG = errorshape.Catalog(errorshape.NotFoundError)


class StoreError(Exception):
    pass


def made_id():
    return "made"


def noticed(error, exc, trace_id):
    pass


def translated(error, languages):
    return "Nein."


def test_without_the_setting_the_defaults_hold():
    """The MIDDLEWARE line alone does the job."""
    assert layer_from_settings().trace_header == "X-Request-Id"


@override_settings(
    ERRORSHAPE={
        "CATALOG": "tests.django.test_conf.CATALOG",
        "GENERATE": "tests.django.test_conf.made_id",
        "ON_ERROR": ["tests.django.test_conf.noticed"],
        "TRANSLATE": {"tests.django.test_conf.StoreError": "errorshape.ConflictError"},
        "INCLUDE": ["/api/"],
        "RETRY_AFTER": 9,
        "PROBLEM_JSON": "https://docs.example/errors",
        "MESSAGE_FOR": "tests.django.test_conf.translated",
    }
)
def test_options_in_capitals_and_dotted_paths():
    """What cannot be written in a settings module is named."""
    layer = layer_from_settings()

    assert layer.catalog is CATALOG
    assert layer.generate is made_id
    assert layer.translations == {StoreError: errorshape.ConflictError}
    assert layer.problem_json == "https://docs.example/errors"
    assert b"Nein." in layer.respond(errorshape.ForbiddenError()).body
    assert (layer.shapes("/api/x"), layer.shapes("/")) == (True, False)


@override_settings(ERRORSHAPE={"GENERATE": made_id})
def test_what_is_there_already_needs_no_path():
    """The object itself is fine."""
    assert layer_from_settings().generate is made_id


@override_settings(ERRORSHAPE={"LAYER": "tests.django.test_conf.LAYER"})
def test_the_layer_itself():
    """One layer for several services."""
    assert layer_from_settings() is LAYER


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"INCLDE": ["/"]}, "ERRORSHAPE: There is no option 'inclde': did you mean 'include'"),
        ({"include": ["/"]}, "the key 'include': write its options in capitals"),
        ({5: ["/"]}, "the key 5"),
        (
            {"CATALOG": "no.such.thing"},
            r"ERRORSHAPE\['CATALOG'\] is 'no.such.thing', which does not import",
        ),
        ({"PROBLEM_JSON": "/errors"}, "the address of the reference page is absolute"),
        ({"MESSAGE_FOR": "no.message"}, "'no.message', which does not import"),
        ({"TRANSLATE": {"no.Error": "x.y"}}, "'no.Error', which does not import"),
        ({"INCLUDE": "/api/"}, "write the prefixes as"),
        ({"LAYER": "tests.django.test_conf.LAYER", "INCLUDE": ["/"]}, "not both"),
        (["/api/"], "write a dict"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused(setting, says):
    """At start-up, with the remedy."""
    with override_settings(ERRORSHAPE=setting), pytest.raises(ImproperlyConfigured, match=says):
        layer_from_settings()
