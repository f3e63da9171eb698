"""The context variable that holds the trace id of the request being served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from .ids import is_trace_id, new_trace_id


class Trace(NamedTuple):
    """An id together with the W3C trace that the request is part of."""

    id: str
    traceparent: str
    tracestate: str = ""


# What a request without a traceparent needs to remember is a string; only one with it pays for
# more. Adapters always overwrite the variable at entry and never reset it by a token: a reset in
# another context raises, one before the server's last log line loses the id, and a server may
# start one request in the context of another (uvicorn does so with pipelined ones).
current: ContextVar[str | Trace | None] = ContextVar("errorshape.trace", default=None)


def trace_id() -> str | None:
    """Return the trace id of the request being served, None outside of a request."""
    trace = current.get()
    return trace.id if isinstance(trace, Trace) else trace


@contextmanager
def bind_trace_id(value: str | None = None) -> Iterator[str]:
    """Use ``value``, or a fresh id, as the trace id of a ``with`` block or a decorated function.

    For jobs and scripts, which no adapter serves. Log records carry the id as in a request. Raises
    :exc:`ValueError` for what is no valid id.
    """
    from . import install

    if value is None:
        value = new_trace_id()
    elif not (isinstance(value, str) and is_trace_id(value)):
        raise ValueError(
            f"{value!r} is no trace id: it has 1 to 128 characters of A-Z a-z 0-9 . _ ~ + / = : @ -"
            " (leave it out for a fresh one)."
        )
    install()
    before = current.get()
    current.set(value)
    try:
        yield value
    finally:
        current.set(before)
