"""The pytest plugin: found by itself once errorshape is installed, costs nothing unless used.

``errorshape_log`` collects what was logged, by trace id; ``errorshape_documented`` fails a test in
which a code is sent that is not in the catalogue.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from typing import Any

import pytest


class TraceLog(logging.Handler):
    """What was logged during a test, of whatever level and logger."""

    def __init__(self) -> None:
        super().__init__()
        #: All records, in their order.
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.records.append(record)

    def of(self, trace: Any) -> list[logging.LogRecord]:
        """Return the records of a trace id, or of the request that a response answers."""
        wanted = trace if isinstance(trace, str) else _trace_id_of(trace)
        return [r for r in self.records if getattr(r, "trace_id", None) == wanted]

    def messages(self, trace: Any) -> list[str]:
        """Return the messages of the records of a trace id, or of a response."""
        return [record.getMessage() for record in self.of(trace)]


class UndocumentedCodes:
    """The codes that were sent during a test and are in no catalogue."""

    def __init__(self) -> None:
        #: In the order in which they were first sent.
        self.codes: dict[str, None] = {}
        #: Codes that the test sends on purpose.
        self.allowed: set[str] = set()

    def __call__(self, code: str) -> None:
        """Note a code."""
        self.codes[code] = None

    def check(self) -> None:
        """Fail the test if there is one that is not allowed."""
        __tracebackhide__ = True
        if wrong := [code for code in self.codes if code not in self.allowed]:
            pytest.fail(
                f"Sent, but not in the catalogue: {', '.join(wrong)}. Add the classes with"
                " extend(), or allow it: errorshape_documented.allowed.add(…).",
                pytrace=False,
            )


@pytest.fixture
def errorshape_log() -> Iterator[TraceLog]:
    """Collect log records; ``errorshape_log.of(response)`` gives those of its request."""
    from .. import trace

    trace.install()
    log, root = TraceLog(), logging.getLogger()
    level = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        root.removeHandler(log)
        root.setLevel(level)


@pytest.fixture
def errorshape_documented() -> Iterator[UndocumentedCodes]:
    """Fail the test if an application in this process sends a code that its catalogue lacks."""
    from ..core.report import watchers

    undocumented = UndocumentedCodes()
    watchers.append(undocumented)
    try:
        yield undocumented
    finally:
        watchers.remove(undocumented)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Let the test itself fail: what a fixture raises at its end is an error of the test's."""
    yield
    undocumented = getattr(item, "funcargs", {}).get("errorshape_documented")
    if undocumented is not None:
        undocumented.check()


def _trace_id_of(response: Any) -> str | None:
    from . import answer_of

    answer = answer_of(response)
    return answer.get("X-Request-Id") or answer.error.get("trace_id")
