"""Log records that carry the trace id of the request during which they are made."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any

from .context import Trace, current, trace_id

#: What a record made outside of a request has as its trace id.
OUTSIDE = "-"


class TraceRecord(logging.LogRecord):
    """A record with a ``trace_id``, captured when it is made.

    ``Logger.makeRecord`` refuses every ``extra`` that the record's ``__dict__`` already has. So the
    id is captured in a slot and enters ``__dict__`` only after ``extra`` has: on the first look at
    ``trace_id`` or at ``levelno``, which ``Logger.callHandlers`` reads before it hands the record
    to any handler. (``getMessage`` would be too late for formatters of messages that are no
    strings, and for handlers that copy ``__dict__``.)
    """

    __slots__ = ("_trace",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._trace = current.get()
        super().__init__(*args, **kwargs)

    @cached_property
    def trace_id(self) -> str:
        """The application's own ``extra``, else the id of the request, else ``-``."""
        trace = self._trace
        if trace is None:
            # Django logs some failures after the middleware has returned: the request knows.
            meta = getattr(self.__dict__.get("request"), "META", None)
            marks = meta.get("errorshape.marks") if isinstance(meta, dict) else None
            return marks["trace_id"] if isinstance(marks, dict) else OUTSIDE
        return trace.id if isinstance(trace, Trace) else trace

    @property
    def levelno(self) -> int:
        fields = self.__dict__
        if "trace_id" not in fields:
            _ = self.trace_id  # the cached property writes it
        level: int = fields["levelno"]
        return level

    @levelno.setter
    def levelno(self, level: int) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self.__dict__["levelno"] = level


class _Chained:
    """The factory of such records where another one has been installed before."""

    def __init__(self, previous: Callable[..., logging.LogRecord]) -> None:
        self._previous = previous

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._previous(*args, **kwargs)
        if isinstance(record, TraceRecord):
            return record
        if type(record) is not logging.LogRecord:  # its own layout may have no room for a slot
            record.__dict__.setdefault("trace_id", trace_id() or OUTSIDE)
            return record
        traced = TraceRecord.__new__(TraceRecord)
        traced._trace = current.get()
        traced.__dict__.update(record.__dict__)
        return traced


def install() -> None:
    """Install the factory of such records in front of the one that is there; idempotent."""
    previous = logging.getLogRecordFactory()
    if previous is TraceRecord or isinstance(previous, _Chained):
        return
    plain = previous is logging.LogRecord
    logging.setLogRecordFactory(TraceRecord if plain else _Chained(previous))
