"""Other people's logging: structlog, loguru, Django's LOGGING; as docs/logging.md says."""

import io
import json
import logging
import logging.config
import logging.handlers
import queue
import sys

import loguru
import pytest
import structlog

import errorshape
import errorshape.trace.loguru
import errorshape.trace.structlog
from errorshape.asgi import ErrorShapeMiddleware
from errorshape.trace.context import current
from tests.drivers import Request, run_asgi

ID = "order-7"


@pytest.fixture(autouse=True)
def _in_a_request():
    before = current.get()
    errorshape.trace.install()
    current.set(ID)
    yield
    current.set(before)


# --- structlog ------------------------------------------------------------------------------------


def structured(*processors):
    """Return a logger that has these processors, and what it has written."""
    stream = io.StringIO()
    logger = structlog.wrap_logger(
        structlog.PrintLogger(stream), processors=[*processors, structlog.processors.JSONRenderer()]
    )
    return logger, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_structlog_adds_it():
    """In a request its id, outside of one a dash."""
    logger, written = structured(errorshape.trace.structlog.add_trace_id)
    logger.info("inside")
    current.set(None)
    logger.info("outside")

    assert [(line["event"], line["trace_id"]) for line in written()] == [
        ("inside", ID),
        ("outside", "-"),
    ]


def test_structlog_keeps_what_is_bound():
    """The application's own value wins."""
    logger, written = structured(errorshape.trace.structlog.add_trace_id)
    logger.bind(trace_id="mine").info("bound")
    logger.info("given", trace_id="mine")

    assert [line["trace_id"] for line in written()] == ["mine", "mine"]


def test_structlog_formats_the_records_of_others():
    """Of a record that waits in a queue it is that of where the record was made."""
    stream, records = logging.StreamHandler(io.StringIO()), queue.Queue()
    stream.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[errorshape.trace.structlog.add_trace_id],
        )
    )
    logger = logging.Logger("server")  # noqa: LOG001 - one that nobody else has
    logger.addHandler(stream)
    logger.info("at once")
    logger.handlers = [logging.handlers.QueueHandler(records)]
    logger.info("later")
    current.set("another")
    stream.handle(records.get())
    lines = [json.loads(line) for line in stream.stream.getvalue().splitlines()]

    assert [(line["event"], line["trace_id"]) for line in lines] == [("at once", ID), ("later", ID)]


# --- loguru ---------------------------------------------------------------------------------------


@pytest.fixture
def lines():
    """What loguru writes."""
    stream = io.StringIO()
    loguru.logger.remove()
    loguru.logger.configure(patcher=errorshape.trace.loguru.patch)
    loguru.logger.add(stream, format="{extra[trace_id]} {message}")
    yield lambda: stream.getvalue().splitlines()
    loguru.logger.remove()
    loguru.logger.configure(patcher=lambda record: None)


def test_loguru_adds_it(lines):
    """In a request its id, outside of one a dash; a bound one stays."""
    loguru.logger.info("inside")
    loguru.logger.bind(trace_id="mine").info("bound")
    current.set(None)
    loguru.logger.info("outside")

    assert lines() == [f"{ID} inside", "mine bound", "- outside"]


class InterceptHandler(logging.Handler):
    """Hands the standard library's records to loguru, as docs/logging.md shows it."""

    def emit(self, record):
        bound = loguru.logger.bind(trace_id=record.trace_id)
        bound.opt(exception=record.exc_info).log(record.levelname, record.getMessage())


def test_loguru_takes_the_records_of_others(lines):
    """With the id that they were made under."""
    logger = logging.Logger("server")  # noqa: LOG001 - one that nobody else has
    logger.addHandler(InterceptHandler())
    logger.warning("intercepted")

    assert lines() == [f"{ID} intercepted"]


# --- Django ---------------------------------------------------------------------------------------


def test_django_logging_names_it():
    """A formatter in ``LOGGING`` is all there is to write, also for records without a request."""
    stream = io.StringIO()
    configuration = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "traced": {
                "()": "logging.Formatter",
                "fmt": "{levelname} [{trace_id}] {name} {message}",
                "style": "{",
                "defaults": {"trace_id": "-"},
            }
        },
        "handlers": {
            "s": {"class": "logging.StreamHandler", "formatter": "traced", "stream": stream}
        },
        "loggers": {"django.request": {"handlers": ["s"], "level": "WARNING", "propagate": False}},
    }
    logger = logging.getLogger("django.request")
    before = vars(logger).copy()
    try:
        logging.config.dictConfig(configuration)
        logger.warning("Not Found")
        current.set(None)
        logger.warning("at start")
        logger.handle(logging.LogRecord("django.request", 30, "f", 1, "untraced", (), None))
    finally:
        vars(logger).update(before)

    assert stream.getvalue().splitlines() == [
        f"WARNING [{ID}] django.request Not Found",
        "WARNING [-] django.request at start",
        "WARNING [-] django.request untraced",
    ]


# --- no logging at all ----------------------------------------------------------------------------


def test_logging_can_be_left_alone(monkeypatch):
    """``log_records=False`` touches no factory."""
    monkeypatch.setattr(logging, "_logRecordFactory", logging.LogRecord)

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    run_asgi(ErrorShapeMiddleware(app, log_records=False), Request("GET", "/"))

    assert logging.getLogRecordFactory() is logging.LogRecord


def test_neither_is_imported_for_nothing():
    """Our modules for structlog and loguru import neither."""
    for name in ("structlog", "loguru"):
        source = sys.modules[f"errorshape.trace.{name}"].__file__
        with open(source) as text:
            assert f"import {name}" not in text.read()
