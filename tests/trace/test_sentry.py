"""Sentry: one event for each failure, with the id of its request, and none for a client's mistake."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from errorshape.demo import servers

APPS = (
    "flask",
    "django",
    "django, wrapped",
    "django, asgi",
    "django, asgi, wrapped",
    "starlette",
    "fastapi",
    "wsgi, Sentry inside",
    "wsgi, Sentry outside",
    "wsgi, no middleware",
    "asgi, Sentry inside",
    "asgi, Sentry outside",
    "asgi, no middleware",
)


@pytest.fixture(scope="module")
def everything():
    """Return what Sentry has sent, in a process of its own: it patches what it watches."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.trace.sentry_apps"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
        env={**os.environ, "SENTRY_DSN": ""},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture(params=["early", "late"])
def sent(request, everything):
    """Return what was sent of applications made before Sentry started, or after that."""
    return everything[request.param]


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

    ids = [*(f"request-{n}" for n in range(6)), "the application's"]
    assert tags == ([] if "no middleware" in app else ids)


@pytest.mark.parametrize("app", APPS)
def test_the_isolation_scope_of_the_request_has_the_tag(sent, app):
    """One that is the whole process's does not: the tag would stay on it."""
    expected = None if "no middleware" in app else "request-5"

    assert sent[app]["/threads"]["scope"] == expected


@pytest.mark.parametrize("app", APPS)
def test_the_tag_is_in_the_threads_that_a_request_starts(sent, app):
    """Sentry takes its scopes there by itself, where the id is not known; in those of a pool, too."""
    assert [event["tag"] for event in sent[app]["/threads"]["events"]] == ["request-5"] * 2


@pytest.mark.parametrize("app", [app for app in APPS if "no middleware" not in app])
def test_a_tag_of_the_application_stays(sent, app):
    """On the scope of the request, and in its threads."""
    assert sent[app]["/renamed"]["scope"] == "the application's"
    assert [event["tag"] for event in sent[app]["/renamed"]["events"]] == ["the application's"] * 2


@pytest.mark.parametrize("app", APPS)
def test_no_request_leaves_its_tag_behind(sent, app):
    """Not in its thread, not in one that is started later, not in one of a pool."""
    assert set(sent[app]["after"]) == {None}


@pytest.mark.parametrize(
    "app", ["asgi, Sentry inside", "asgi, Sentry outside", "asgi, no middleware"]
)
def test_requests_of_one_loop_have_each_their_tag(sent, app):
    """Two events each, from threads."""
    ids = sorted(f"request-{number}" for number in range(20))

    assert sent["at once"][app] == [request_id for request_id in ids for _ in range(2)]


def test_what_the_application_means_to_send_is_sent(sent):
    """An error of a client, too; outside of a request without a tag."""
    assert [(event["types"], event["tag"]) for event in sent["outside"]] == [
        (["NotFoundError"], None)
    ]


def test_the_innermost_id_is_the_tag(sent):
    """Of jobs, as of requests: the scope's may be that of what is around them."""
    assert [event["tag"] for event in sent["jobs"]] == ["job-2", "job-1"]


def test_a_client_without_the_integration_is_left_alone(everything):
    """Another client of the same process has events of its own."""
    assert [event["tag"] for event in everything["without"]] == [None] * 4


# --- on real servers -------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["uvicorn", "hypercorn", "gunicorn", "waitress"])
def test_requests_of_one_connection_have_each_their_tag(server):
    """They share a thread, a task or a context; what is sent between them has no tag."""
    requests = [(path, f"{path}-{n}") for path in ("/inside", "/outside", "/neither") for n in "12"]
    events, told = [], []

    def note(line):
        if line.startswith("event "):
            message, tag = json.loads(line.removeprefix("event "))
            if message in ("before", "here", "thread", "pool"):
                events.append((message, tag))
            elif "nvalid" in message:
                told.append(tag)

    argv = [sys.executable, "-m", "tests.trace.sentry_served", server]
    with servers.start(argv, name=server, ready_timeout=30) as running:
        running.on_line = note
        with (
            socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection,
            connection.makefile("rb") as reading,
        ):
            for path, request_id in requests:
                head = f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: {request_id}\r\n\r\n"
                connection.sendall(head.encode())
                while (line := reading.readline()) != b"\r\n":
                    assert line, running.log_text()
                assert reading.read(2) == b"ok"
            connection.sendall(b"no request\r\n\r\n")
            while reading.read(1024):
                pass
        if server in ("uvicorn", "gunicorn"):  # the others have nothing to say about it
            assert running.wait_for_log("nvalid", 10)

    assert events == [
        event
        for _, request_id in requests
        for event in [
            ("before", None), ("here", request_id), ("thread", request_id), ("pool", request_id)
        ]
    ]  # fmt: skip
    assert set(told) <= {None}
