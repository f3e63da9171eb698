"""The catalogue."""

import copy
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorshape import STANDARD, APIError, Catalog, NotFoundError
from errorshape.core.catalog import class_for_status, is_code


class QuotaExceededError(APIError):
    """The workspace has used up its quota."""

    code = "quota_exceeded"
    status = 403


def entry(**attributes):
    return type("Odd", (APIError,), attributes)


def test_it_iterates_in_the_documented_order():
    """The reference lists the ten documented codes first."""
    assert [cls.code for cls in STANDARD][:10] == [
        "validation_error",
        "unauthorized",
        "invalid_grant",
        "forbidden",
        "mfa_required",
        "sso_required",
        "not_found",
        "conflict",
        "rate_limited",
        "internal_error",
    ]


def test_extending_makes_a_new_one():
    """A catalogue is immutable: an application's own errors come after."""
    catalog = STANDARD.extend(QuotaExceededError)

    assert list(catalog) == [*STANDARD, QuotaExceededError]
    assert len(catalog) == len(STANDARD) + 1
    assert QuotaExceededError not in STANDARD


def test_it_is_found_by_code():
    """By a code one gets its class, or None, or KeyError."""
    assert STANDARD["not_found"] is STANDARD.get("not_found") is NotFoundError
    assert STANDARD.get("nothing") is None
    with pytest.raises(KeyError):
        STANDARD["nothing"]


def test_it_contains_codes_and_classes():
    """A subclass that shares a code is another class."""

    class IssueNotFoundError(NotFoundError):
        pass

    assert "not_found" in STANDARD
    assert NotFoundError in STANDARD
    assert IssueNotFoundError not in STANDARD
    assert 404 not in STANDARD


def test_it_cannot_be_changed():
    """Two requests must see one catalogue."""
    with pytest.raises(AttributeError, match=r"immutable: extend\(\)"):
        STANDARD.codes = {}


def test_it_shows_its_entries():
    """In a shell one sees what is in it."""
    assert repr(Catalog(NotFoundError)) == "Catalog(NotFoundError)"


@pytest.mark.parametrize(
    ("classes", "error", "says"),
    [
        (
            (NotFoundError, NotFoundError),
            ValueError,
            "'not_found'.*NotFoundError and .*NotFoundError",
        ),
        (
            (NotFoundError, entry(code="not_found", status=404)),
            ValueError,
            "NotFoundError and .*Odd",
        ),
        ((APIError,), ValueError, "has no code: write"),
        ((entry(status=404),), ValueError, "Odd has no code: write `code = "),
        ((entry(code="odd"),), ValueError, "Odd has no status: write `status = 403`"),
        ((entry(code="Not-Found", status=404),), ValueError, "'Not-Found': a code is a lower-case"),
        ((entry(code="", status=404),), ValueError, "is '': a code is"),
        ((entry(code="a\n", status=404),), ValueError, r"'a\\n': a code is"),
        ((entry(code=5, status=404),), ValueError, "is 5: a code is"),
        ((entry(code="odd", status=200),), ValueError, "is 200: the status of an error is an int"),
        ((entry(code="odd", status=600),), ValueError, "is 600: the status"),
        ((entry(code="odd", status="404"),), ValueError, "is '404': the status"),
        ((entry(code="odd", status=True),), ValueError, "is True: the status"),
        ((NotFoundError(),), TypeError, "pass the class itself"),
        ((ValueError,), TypeError, "made of APIError classes"),
        (("not_found",), TypeError, "made of APIError classes"),
    ],
)
def test_a_wrong_entry_is_refused(classes, error, says):
    """At start-up, with the value, the rule and the remedy."""
    with pytest.raises(error, match=says):
        Catalog(*classes)


@given(st.text(st.sampled_from("aZz_09-.é²\n"), max_size=4))
def test_a_code_is_what_the_contract_says(code):
    """CONTRACT §1, in its own words."""
    assert is_code(code) == bool(re.fullmatch(r"[a-z][a-z0-9_]*", code))


def test_a_status_has_the_class_of_its_general_code():
    """401 is `unauthorized` and not `invalid_grant`; what has no row of its own is general."""
    codes = [class_for_status(status).code for status in (400, 401, 403, 418, 499, 500, 599)]

    assert codes == [
        "validation_error",
        "unauthorized",
        "forbidden",
        "im_a_teapot",
        "client_error",
        "internal_error",
        "server_error",
    ]


@pytest.mark.parametrize("status", [200, 0, 999, None])
def test_no_status_of_an_error_is_an_internal_error(status):
    """Whatever is asked for, there is an answer."""
    assert class_for_status(status).code == "internal_error"


def test_the_applications_own_entry_is_preferred():
    """Its message is the one that is sent."""

    class MissingError(APIError):
        code = "not_found"
        status = 404
        message = "Nothing here."

    assert class_for_status(404, Catalog(MissingError)) is MissingError


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda catalog: pickle.loads(pickle.dumps(catalog))]
)
def test_a_catalogue_can_be_copied(copied):
    """As part of what an application copies, or sends to another process."""
    assert [*copied(STANDARD)] == [*STANDARD]
