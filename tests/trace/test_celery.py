"""Celery: one real worker, with a real Redis, runs what requests have sent."""

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import celery
import flask
import pytest

import errorshape
from errorshape.flask import ErrorShape
from errorshape.trace.context import Trace, current
from tests.processes import wait_until

from . import celery_app
from .redis_server import redis_server

tasks = celery_app
SECONDS = 60  # at most, on a machine that has much else to do
# Celery up to 5.6 says something to newer clients of Redis that they no longer want to hear.
pytestmark = pytest.mark.filterwarnings("ignore:Call to 'get_connection':DeprecationWarning")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Line(NamedTuple):
    """A line of the worker's log: a task's own has the task's id in place of the logger's name."""

    trace_id: str
    logger: str
    message: str


class Worker(NamedTuple):
    log: Path

    @property
    def lines(self):
        found = (line.split("|", 2) for line in self.log.read_text().splitlines())
        return [Line(*parts) for parts in found if len(parts) == 3]

    def about(self, task_id, last="succeeded"):
        """Wait for the last line about a task, and return the lines about it."""
        assert wait_until(
            lambda: any(task_id in line.message and last in line.message for line in self.lines),
            SECONDS,
        ), self.log.read_text()
        return [line for line in self.lines if task_id in line.message or task_id == line.logger]


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    """Start a worker with two children and beat; end it by its process id."""
    directory = tmp_path_factory.mktemp("celery")
    log = directory / "log"
    with redis_server(directory) as url:
        celery_app.app.conf.update(broker_url=url, result_backend=url)
        command = [sys.executable, "-m", "celery", "-A", "tests.trace.celery_app", "worker"]
        options = f"-B -s {directory}/beat -c 2 --loglevel INFO --without-mingle --without-gossip"
        root = Path(__file__).parents[2]
        environment = {**os.environ, "TESTS_REDIS": url, "PYTHONPATH": str(root)}
        with log.open("w") as stream:
            process = subprocess.Popen(
                [*command, *options.split()],
                cwd=directory,
                env=environment,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        try:
            assert wait_until(lambda: "ready." in log.read_text(), SECONDS), log.read_text()
            yield Worker(log)
        finally:
            process.terminate()  # and beat with it, which a quicker end leaves behind
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            gc.collect()  # results say goodbye to Redis when they go, while it is there
            celery_app.app.close()


def get(result):
    """Wait for a result by looking; Celery's own way waits for Redis to publish it.

    The client subscribes late to what it has not sent itself, as the body of a chord, and looks
    once: what is published in between is never heard of.
    """
    assert wait_until(result.ready, SECONDS), result
    return result.get(timeout=SECONDS)


def test_a_task_has_the_id_of_the_request_that_has_sent_it(worker):
    """The id of the response is that of the task, and of each line about it in every process."""
    app = flask.Flask(__name__)
    ErrorShape(app)

    @app.post("/orders")
    def order():
        return {"task": tasks.whose.delay().id}

    response = app.test_client().post("/orders", headers={"X-Request-Id": "order-7"})

    task_id = response.get_json()["task"]
    assert get(tasks.whose.AsyncResult(task_id)) == ["order-7"]
    lines = worker.about(task_id)
    assert {line.trace_id for line in lines} == {"order-7"}
    assert [line.logger for line in lines] == [
        "celery.worker.strategy",
        task_id,
        "celery.app.trace",
    ]
    library = [line for line in worker.lines if line.logger == "tests.library"]
    assert "order-7" in {line.trace_id for line in library}


def test_a_task_goes_on_with_the_trace_of_the_request(worker):
    """What a task calls is part of the trace that the request is part of."""
    current.set(Trace("order-8", f"00-{TRACE}-00f067aa0ba902b7-01", "foo=1"))
    try:
        headers = get(tasks.outgoing.delay())
    finally:
        current.set(None)

    assert headers["X-Request-Id"] == "order-8"
    assert headers["traceparent"].startswith(f"00-{TRACE}-")
    assert headers["traceparent"].endswith("-01")
    assert headers["tracestate"] == "foo=1"


def test_the_tasks_that_a_task_starts_have_its_id(worker):
    """A task's own tasks are of the same request."""
    with errorshape.bind_trace_id() as trace_id:
        started = get(tasks.starts.delay())

    assert get(tasks.whose.AsyncResult(started)) == [trace_id]


def test_retries_have_the_id(worker):
    """Every attempt is of the same request."""
    with errorshape.bind_trace_id() as trace_id:
        result = tasks.retries.delay([])

    assert get(result) == [trace_id] * 3
    lines = worker.about(result.id)
    assert {line.trace_id for line in lines} == {trace_id}
    assert len([line for line in lines if "received" in line.message]) == 3


@pytest.mark.parametrize(
    ("signature", "count"),
    [
        (lambda: tasks.whose.s() | tasks.whose.s() | tasks.whose.s(), 3),
        (lambda: celery.group(tasks.whose.s(), tasks.whose.s()) | tasks.flatten.s(), 3),
        (lambda: celery.chord([tasks.whose.s()] * 3, tasks.flatten.s()), 4),
        (tasks.replaces.s, 2),
        (lambda: tasks.whose.s().set(countdown=0.1), 1),
    ],
    ids=["chain", "group into a task", "chord", "replace", "countdown"],
)
def test_all_of_a_canvas_has_the_id(worker, signature, count):
    """Whichever process sends the next task, it is of the same request."""
    with errorshape.bind_trace_id() as trace_id:
        result = signature().apply_async()

    assert get(result) == [trace_id] * count


def test_a_group_has_the_id(worker):
    """Tasks that run beside each other are of the same request."""
    with errorshape.bind_trace_id() as trace_id:
        result = celery.group([tasks.whose.s()] * 4, app=celery_app.app).apply_async()

    assert get(result) == [[trace_id]] * 4


def test_a_failure_and_its_errback_have_the_id(worker):
    """The traceback in the log is found by the id, and so is what was done about it."""
    with errorshape.bind_trace_id() as trace_id:
        result = tasks.fails.apply_async(link_error=tasks.remembers.s())

    with pytest.raises(ZeroDivisionError):
        get(result)
    worker.about(result.id, "raised unexpected")
    lines = worker.about(result.id, "an errback")
    assert {line.trace_id for line in lines} == {trace_id}


def test_what_the_main_process_logs_of_a_lost_child_has_the_id(worker):
    """A child that dies cannot log; who finds that out knows whose task it was."""
    with errorshape.bind_trace_id() as trace_id:
        result = tasks.dies.apply_async(link_error=tasks.remembers.s())

    with pytest.raises(Exception, match="exit"):
        get(result)
    assert {line.trace_id for line in worker.about(result.id, "an errback")} == {trace_id}

    def lost():
        return [line.trace_id for line in worker.lines if "WorkerLostError" in line.message]

    wait_until(lost, SECONDS)  # which is logged after the errback was called
    assert set(lost()) == {trace_id}


def test_a_time_limit_is_logged_with_the_id(worker):
    """The main process kills the child, and says whose task it ran."""
    with errorshape.bind_trace_id() as trace_id:
        result = tasks.sleeps.apply_async(time_limit=1)

    lines = worker.about(result.id, "Hard time limit")
    assert {line.trace_id for line in lines} == {trace_id}


def test_a_task_that_is_discarded_is_logged_with_the_id_and_leaves_none(worker):
    """An expired task never runs; the line that says so has its id, the next has its own."""
    with errorshape.bind_trace_id() as trace_id:
        result = tasks.whose.apply_async(expires=-1)

    assert {line.trace_id for line in worker.about(result.id, "Discarding")} == {trace_id}


def test_a_task_that_was_sent_outside_of_a_request_has_a_fresh_id(worker):
    """Each has one of its own, and all that it sends has the same."""
    first, second = get(tasks.whose.delay()), get((tasks.whose.s() | tasks.whose.s()).delay())

    assert len(set(first)) == len(set(second)) == 1
    assert None not in first + second
    assert set(first) != set(second)


def test_each_task_that_is_due_has_a_fresh_id(worker):
    """Beat serves no request: what it sends begins something new, for all that follows."""

    def ticks():
        return [line for line in worker.lines if line.message == "tick"]

    assert wait_until(lambda: len(ticks()) >= 2, SECONDS)
    first, second = ticks()[:2]
    assert "-" not in {first.trace_id, second.trace_id}
    assert first.trace_id != second.trace_id
    assert len([line for line in worker.about(first.logger) if line.trace_id == first.trace_id]) > 2


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Request-Id": "mine"}, "mine"),
        ({"X-Request-Id": "not valid", "CORRELATION_ID": "old-7"}, "old-7"),
    ],
    ids=["ours", "an old one"],
)
def test_a_header_that_the_sender_has_set_stays(worker, headers, expected):
    """Whoever sends a task may say whose it is, also in the words of another library."""
    with errorshape.bind_trace_id():
        result = tasks.whose.apply_async(headers=headers)

    assert get(result) == [expected]
    assert {line.trace_id for line in worker.about(result.id)} == {expected}


def test_an_invalid_id_is_neither_used_nor_logged(worker):
    """A message without a valid id is a task of its own, in every process of the worker."""
    result = tasks.whose.apply_async(headers={"X-Request-Id": "two words", "traceparent": "x"})

    (trace_id,) = get(result)
    assert {line.trace_id for line in worker.about(result.id)} == {trace_id}
    assert "two words" not in worker.log.read_text()


def test_the_old_protocol_carries_the_id_as_well(worker):
    """Messages of protocol 1 have their headers in another place."""
    celery_app.app.conf.task_protocol = 1
    celery_app.app.amqp.__dict__.pop("create_task_message", None)
    try:
        with errorshape.bind_trace_id() as trace_id:
            result = tasks.whose.delay()
        assert get(result) == [trace_id]
    finally:
        celery_app.app.conf.task_protocol = 2
        celery_app.app.amqp.__dict__.pop("create_task_message", None)
    assert {line.trace_id for line in worker.about(result.id)} == {trace_id}


def test_what_the_worker_logs_of_no_task_has_no_id(worker):
    """Nothing that a task leaves behind is on the worker's own lines."""
    own = [line for line in worker.lines if line.logger in ("celery.beat", "celery.apps.worker")]

    assert own
    assert {line.trace_id for line in own} == {"-"}


# --- without a worker ----------------------------------------------------------------------------


def test_an_eager_task_is_part_of_what_runs_it():
    """In the request's own process the task has the request's id, and gives it back."""
    with errorshape.bind_trace_id() as trace_id:
        assert tasks.whose.apply().get() == [trace_id]
        assert errorshape.trace_id() == trace_id


def test_an_eager_task_outside_of_a_request_has_a_fresh_id():
    """Where there is nothing it could be part of, it begins something."""
    (trace_id,) = tasks.whose.apply().get()

    assert trace_id
    assert errorshape.trace_id() is None
    assert tasks.whose.apply(headers={"X-Request-Id": "mine"}).get() == ["mine"]


def test_an_application_of_somebody_else_is_left_alone():
    """Celery's signals are those of the process, but only the applications named are traced."""
    other = celery.Celery("other", set_as_current=False)

    @other.task
    def whose():
        return errorshape.trace_id()

    assert whose.apply().get() is None


def test_init_app_of_a_finished_application_reaches_its_tasks():
    """The order of the lines in a project does not matter; nor does a second one."""
    late = celery.Celery("late", set_as_current=False)

    @late.task
    def task():
        return errorshape.trace_id()

    late.finalize()
    errorshape.celery.init_app(late)
    errorshape.celery.init_app(late)

    assert task.Request.__module__ == "errorshape.celery"
    assert task.apply().get()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"app": SimpleNamespace()}, "pass the celery.Celery"),
        ({"app": celery_app.app, "also": "CORRELATION_ID"}, r"\('CORRELATION_ID',\)"),
        ({"app": celery_app.app, "also": [b"x"]}, "write names of headers"),
    ],
    ids=["no application", "one name", "no name"],
)
def test_wrong_arguments_say_how_to_mend_them(arguments, message):
    """The mistake is found where it is made."""
    with pytest.raises(TypeError, match=message):
        errorshape.celery.init_app(**arguments)
