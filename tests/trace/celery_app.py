"""The Celery application of the tests; the worker runs it, the tests send it tasks."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

import celery
from celery.utils.log import get_task_logger

import errorshape
import errorshape.celery

REDIS = os.environ.get("TESTS_REDIS", "redis://127.0.0.1:0")
BEAT_SECONDS = 1

app = celery.Celery("tests", broker=REDIS, backend=REDIS, set_as_current=False)
app.conf.update(
    worker_log_format="%(trace_id)s|%(name)s|%(message)s",
    worker_task_log_format="%(trace_id)s|%(task_id)s|%(message)s",
    broker_connection_retry_on_startup=True,
    beat_schedule={"tick": {"task": "tick", "schedule": BEAT_SECONDS}},
)
errorshape.celery.init_app(app, also=("CORRELATION_ID",))

logger = get_task_logger("tests.tasks")


class Base(celery.Task):
    """A base that does not come from the application."""


@app.task(name="whose", base=Base)
def whose(*before: Any) -> list[Any]:
    """Return the ids of the tasks before, and this one's."""
    logger.info("in whose")
    logging.getLogger("tests.library").warning("a library says something")
    return [*(before[0] if before else []), errorshape.trace_id()]


@app.task(name="outgoing")
def outgoing() -> dict[str, str]:
    return errorshape.trace.outgoing_headers()


@app.task(name="starts")
def starts() -> str:
    """Start another task, and return its task id."""
    return whose.delay().id


@app.task(name="flatten")
def flatten(results: list[list[str]]) -> list[str]:
    return [*(seen for result in results for seen in result), errorshape.trace_id() or "none"]


@app.task(name="retries", bind=True, max_retries=2)
def retries(self: Any, seen: list[str | None]) -> list[str | None]:
    seen = [*seen, errorshape.trace_id()]
    if len(seen) < 3:
        # Not at once: another child could be done before this one has stored that it tries again.
        raise self.retry(args=(seen,), countdown=0.2)
    return seen


@app.task(name="replaces", bind=True)
def replaces(self: Any) -> Any:
    raise self.replace(whose.s([errorshape.trace_id()]))


@app.task(name="fails")
def fails() -> None:
    raise ZeroDivisionError("on purpose")


@app.task(name="remembers")
def remembers(request: Any, exc: Any, traceback: Any) -> None:
    """Note a failure, as an errback."""
    logger.info("an errback of %s", request.id)


@app.task(name="dies", acks_late=True)
def dies() -> None:
    os._exit(7)


@app.task(name="sleeps")
def sleeps() -> None:
    time.sleep(60)


@app.task(name="tick")
def tick() -> str:
    logger.info("tick")
    return whose.delay().id
