"""Sentry: one event for each failure, with the id of its request, and none for a client's mistake."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

APPS = (
    "flask",
    "django",
    "starlette",
    "wsgi, Sentry inside",
    "wsgi, Sentry outside",
    "wsgi, no middleware",
    "asgi, Sentry inside",
    "asgi, Sentry outside",
)


@pytest.fixture(scope="module")
def sent():
    """Return what Sentry has sent, in a process of its own: it patches what it watches."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.trace.sentry_apps"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
        env={**os.environ, "SENTRY_DSN": ""},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("app", APPS)
def test_an_unhandled_exception_is_one_event_with_the_id(sent, app):
    """Whoever sees it first, and whoever logs it, it is sent once."""
    got = sent[app]["/unhandled"]

    assert got["status"] == 500
    assert [(event["types"], event["tag"]) for event in got["events"]] == [
        (["RuntimeError"], "request-0")
    ]


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("path", ["/missing", "/native", "/nowhere"])
def test_an_error_of_the_client_is_no_event(sent, app, path):
    """An APIError, the framework's own exception, or a path that is not there."""
    assert sent[app][path] == {"status": 404, "events": []}


@pytest.mark.parametrize("app", APPS)
def test_a_failure_that_the_application_announces_is_one_event(sent, app):
    """An APIError of 500 and above is logged once, and that is what is sent."""
    got = sent[app]["/unavailable"]

    assert got["status"] == 503
    assert [event["tag"] for event in got["events"]] == ["request-4"]


@pytest.mark.parametrize("app", APPS)
def test_what_sentry_measures_of_a_request_has_its_id(sent, app):
    """A transaction for each request, where a middleware of Sentry makes them."""
    tags = [transaction["tag"] for transaction in sent[app]["transactions"]]

    assert tags == ([] if app == "wsgi, no middleware" else [f"request-{n}" for n in range(5)])


def test_a_thread_needs_the_id_to_be_carried(sent):
    """Sentry takes its scopes there by itself; the id is errorshape's."""
    assert [event["tag"] for event in sent["threads"]] == [None, "request-0"]


def test_outside_of_a_request_there_is_no_tag_left(sent):
    """No request leaves its id behind; what the application means to send is sent."""
    assert [event["tag"] for event in sent["outside"]] == [None, None]
    assert sent["outside"][1]["types"] == ["NotFoundError"]


def test_a_client_without_the_integration_is_left_alone(sent):
    """Another client of the same process has events of its own."""
    assert [event["tag"] for event in sent["without"]] == [None]
