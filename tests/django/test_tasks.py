"""Tasks of Django go with the id of the request that has enqueued them, to a real worker."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ASK = "import django; django.setup(); from tests.django.task_site import main; main()"
ROOT = Path(__file__).parents[2]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
#: In their order: the third is order-2.
URLS = (
    "/tasks/whose/default",
    "/tasks/awaits/default",
    "/tasks/starts/default",
    "/tasks/fails/default",
    "/async/whose/default",
    "/tasks/whose/at once",
    "/async/awaits/at once",
    "/tasks/fails/at once",
    "/tasks/plain/plain",
    "/tasks/plain/at once",
    "/tasks/whose/plain",
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Ask the site, then have django-tasks-db's worker run what is there; answers and its log."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.django.task_settings",
        "TESTS_DATABASE": str(tmp_path_factory.mktemp("tasks") / "db"),
        "TESTS_PARENT": f"00-{TRACE}-00f067aa0ba902b7-01",
    }

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done

    answers = json.loads(run("-c", ASK, *URLS).stdout)
    log = run("-m", "django", "db_worker", "--batch", "--no-startup-delay").stderr
    return answers, [tuple(line.split("|", 2)) for line in log.splitlines() if "|" in line]


def lines(ran, message):
    """Return the ids of the worker's lines that say this, in their order."""
    return [trace_id for trace_id, _, said in ran[1] if message in said]


def test_a_worker_runs_a_task_under_the_id_of_its_request(ran):
    """Those of the request's process, and one that was enqueued outside of any."""
    assert lines(ran, "in awaits") == ["order-1"]
    first, asynchronous, fresh, started = lines(ran, "in whose")
    assert (first, asynchronous, started) == ("order-0", "order-4", "order-2")
    assert len(fresh) == 36


def test_what_a_task_enqueues_has_its_id(ran):
    """It is of the same request."""
    assert lines(ran, "in starts") == ["order-2"]
    assert "order-2" in lines(ran, "in whose")


def test_the_worker_logs_the_end_with_the_id(ran):
    """Also that of a task which has failed; what it says before it calls the task has none."""
    finished = lines(ran, "state=SUCCESSFUL")
    assert finished[:3] == ["order-0", "order-1", "order-2"]
    assert lines(ran, "state=FAILED") == ["order-3"]
    assert set(lines(ran, "state=RUNNING")) == set(lines(ran, "worker")) == {"-"}


@pytest.mark.parametrize("url", [url for url in URLS if "at once" in url or "/plain/plain" in url])
def test_what_is_run_at_once_is_part_of_the_request(ran, url):
    """The Immediate backend, with errorshape's part and without."""
    answer = ran[0][url]
    order = f"order-{URLS.index(url)}"

    assert answer["after"] == order
    if "awaits" in url:
        assert answer["returned"]["X-Request-Id"] == order
        assert answer["returned"]["traceparent"].startswith(f"00-{TRACE}-")
    elif "fails" not in url:
        assert answer["returned"] == order


def test_a_task_of_another_backend_gets_no_argument(ran):
    """Its class would not take it out again; and one of ours does without."""
    assert ran[0]["/tasks/plain/at once"]["kwargs"] == {}
    assert ran[0]["/tasks/whose/plain"]["kwargs"] == {}
    assert ran[0]["/tasks/whose/plain"]["returned"] == "order-10"


def test_what_goes_along_is_one_argument(ran):
    """The headers that every queue carries."""
    (headers,) = ran[0]["/tasks/whose/default"]["kwargs"].values()

    assert headers["X-Request-Id"] == "order-0"
    assert headers["traceparent"].startswith(f"00-{TRACE}-")


def test_a_task_that_is_run_at_once_outside_of_a_request_has_a_fresh_id(ran):
    """And leaves none behind."""
    assert len(ran[0]["outside"]) == 36
    assert ran[0]["left"] is None


def test_a_task_that_is_called_directly_has_an_id_as_well(ran):
    """A fresh one, each, of which nothing is left; a worker that awaits gives what it was given."""
    called, awaited = ran[0]["called"]

    assert len(called) == len(awaited) == 36
    assert called != awaited
    assert ran[0]["arrived"] == "order-a"
