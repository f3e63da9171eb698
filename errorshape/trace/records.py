"""Log records that carry the trace id of the request during which they are made."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import cache, cached_property
from types import FrameType
from typing import Any

from .context import ENDED_A_REQUEST, Trace, current

#: What a record made outside of a request has as its trace id.
OUTSIDE = "-"

# Where a record keeps what was current when it was made, and its level, until it is settled.
_MADE_IN, _LEVEL = "_errorshape_made_in", "_errorshape_level"

# The functions of uvicorn that read requests. h11 and zttp have it do so at the end of the response
# before, inside that request's task, and flow control in a copy of its context: what they have to
# say is of a request that no application has seen yet.
_READING = frozenset(
    "data_received handle_events handle_request handle_remote_protocol_error on_headers_complete"
    " _unsupported_upgrade_warning".split()
)
_OF_UVICORN = frozenset({"uvicorn.error", "uvicorn.access"})

#: Whether what uvicorn logs of a request is to be asked for by its scope: set by an adapter inside
#: of an ASGI framework, which cannot take the id out of the context before uvicorn goes on.
ask_scopes = False


class _Traced(logging.LogRecord):
    """What makes a record traced, mixed into its class.

    ``Logger.makeRecord`` refuses every ``extra`` that the record's ``__dict__`` already has. So the
    id enters ``__dict__`` only after ``extra`` has: on the first look at ``trace_id`` or at
    ``levelno``, which ``Logger.callHandlers`` reads before it hands the record to any handler.
    (``getMessage`` would be too late for formatters of messages that are no strings, and for
    handlers that copy ``__dict__``.)
    """

    #: The class of the record without us.
    _plain: type[logging.LogRecord] = logging.LogRecord

    @cached_property
    def trace_id(self) -> str:
        """The application's own ``extra``, else the id of the request, else ``-``."""
        self._settle(self.__dict__)
        trace_id: str = self.__dict__["trace_id"]
        return trace_id

    @property
    def levelno(self) -> int:
        fields = self.__dict__
        if _MADE_IN in fields:
            self._settle(fields)
        level: int = fields["levelno"]
        return level

    @levelno.setter
    def levelno(self, level: int) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        if hasattr(self, "pathname"):
            self.__dict__["levelno"] = level
        else:
            # The __init__ of LogRecord sets the level first: a __dict__ that is asked for while it
            # is being filled makes all that follows dearer.
            self._errorshape_level = level

    def _settle(self, fields: dict[str, Any]) -> None:
        trace = fields.pop(_MADE_IN, None)
        if _LEVEL in fields:
            fields.setdefault("levelno", fields.pop(_LEVEL))
        if "trace_id" not in fields:
            if trace is None:
                trace = _told(fields)
            elif fields["name"] in _OF_UVICORN:
                trace = _told_by_uvicorn(fields, trace)
            fields["trace_id"] = trace.id if isinstance(trace, Trace) else trace

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Be copied, and leave the process, as a plain record: it is read without errorshape."""
        self._settle(self.__dict__)
        return (object.__new__, (self._plain,), self.__getstate__())


class TraceRecord(_Traced):
    """A record with a ``trace_id``, captured when it is made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._errorshape_made_in = current.get()
        super().__init__(*args, **kwargs)


def _told(fields: dict[str, Any]) -> str | Trace:
    """Return the id of a record that was made outside of a request, but is about one."""
    # Django logs some failures after the middleware has returned: the request knows.
    meta = getattr(fields.get("request"), "META", None)
    marks = meta.get("errorshape.marks") if isinstance(meta, dict) else None
    if isinstance(marks, dict):
        trace_id: str = marks["trace_id"]
        return trace_id
    # So does the exception with which it ended: to a WSGI server that has closed the response, to
    # an ASGI server around Django, up to 6.0, which has served the request in another task.
    exc_info = fields["exc_info"]
    exc = exc_info[1] if isinstance(exc_info, tuple) else sys.exception()
    if exc is None:
        return OUTSIDE
    trace: str | Trace = exc.__dict__.get(ENDED_A_REQUEST, OUTSIDE)
    return trace


def _told_by_uvicorn(fields: dict[str, Any], trace: str | Trace) -> str | Trace:
    """Return the id of a record that uvicorn has made in the context of some request.

    It begins the next request of a pipeline in the context of the one before. The wrap has nothing
    left there; where Django's middleware is alone, the scope of the request says what it has noted.
    """
    if fields["funcName"] in _READING:
        return OUTSIDE
    if not ask_scopes:
        return trace
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename != fields["pathname"]:
        frame = frame.f_back
    scope = getattr(frame.f_locals.get("self"), "scope", None) if frame is not None else None
    if not isinstance(scope, dict):
        return trace
    marks = scope.get("errorshape")
    return OUTSIDE if marks is None else str(marks["trace_id"])


@cache
def _traced(cls: Any) -> type[_Traced]:
    """Return the class for records of a class that another factory makes."""
    if cls is logging.LogRecord:
        return TraceRecord
    return type(cls.__name__, (_Traced, cls), {"__module__": cls.__module__, "_plain": cls})


class _Chained:
    """The factory of such records where another one has been installed before."""

    def __init__(self, previous: Callable[..., logging.LogRecord]) -> None:
        self._previous = previous

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._previous(*args, **kwargs)
        if not isinstance(record, _Traced):
            plain: Any = type(record)
            record.__dict__[_MADE_IN] = current.get()
            try:
                traced: Any = _traced(plain)
                record.__class__ = traced
            except TypeError:  # it is not to be subclassed
                _Traced._settle(record, record.__dict__)  # type: ignore[arg-type]
        return record


def install() -> None:
    """Install the factory of such records in front of the one that is there; idempotent."""
    previous = logging.getLogRecordFactory()
    if previous is TraceRecord or isinstance(previous, _Chained):
        return
    plain = previous is logging.LogRecord
    logging.setLogRecordFactory(TraceRecord if plain else _Chained(previous))
