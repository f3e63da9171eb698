"""The errors themselves."""

import copy
import pickle

import pytest

import errorshape
from errorshape import APIError, NotFoundError, RateLimitedError, UnauthorizedError


class Unwilling:
    """A value that gives nothing of itself."""

    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize(
    "value", [None, "", 5, b"x", Unwilling(), float("nan")], ids=lambda value: type(value).__name__
)
def test_building_an_error_never_fails_for_its_values(value):
    """The mistake in an error must not hide the error."""
    APIError(value, details=value, headers=value)


def test_the_class_has_the_message_until_the_instance_has_one():
    """A default for people stands in the class."""
    assert (NotFoundError().message, NotFoundError("No issue").message) == (
        "Not found.",
        "No issue",
    )


def test_the_text_leads_with_the_code():
    """In a log or a shell one sees first what programs branch on."""
    assert str(NotFoundError("No issue")) == "not_found: No issue"


def test_the_text_has_the_trace_id_on_the_callers_side():
    """An error that came out of a response tells where to look."""
    error = NotFoundError("No issue")
    error.trace_id = "abc"

    assert str(error) == "not_found [abc]: No issue"


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_survives_copying(again):
    """A task queue pickles what a task raises."""
    error = again(RateLimitedError("Slow", details={"limit": "5"}, retry_after=3))

    assert (error.message, error.details, error.retry_after) == ("Slow", {"limit": "5"}, 3)


def test_the_scheme_is_bearer_unless_given():
    """401 challenges (RFC 9110 §15.5.2)."""
    assert (UnauthorizedError().scheme, UnauthorizedError(scheme="DPoP").scheme) == (
        "Bearer",
        "DPoP",
    )


@pytest.mark.parametrize("entry", errorshape.STANDARD, ids=lambda entry: entry.code)
def test_every_error_describes_itself(entry):
    """The docstring is the description in the reference, the message a sentence for people."""
    assert entry.__doc__
    assert entry.message.endswith(".")
