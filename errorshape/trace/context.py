"""The context variable that holds the trace id of the request being served."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import msgspec

from .ids import is_trace_id, new_trace_id

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Trace(msgspec.Struct, frozen=True, gc=False):
    """An id together with the W3C trace that the request is part of."""

    id: str
    traceparent: str
    tracestate: str = ""


# What a request without a traceparent needs to remember is a string; only one with it pays for
# more. Adapters always overwrite the variable at entry and never reset it by a token: a reset in
# another context raises, one before the server's last log line loses the id, and a server may
# start one request in the context of another (uvicorn does so with pipelined ones).
current: ContextVar[str | Trace | None] = ContextVar("errorshape.trace", default=None)

#: What an adapter calls with the id that it has decided for a request; looked up in this module each
#: time, since ``errorshape.sentry`` has more to do then. So nobody else pays for that.
enter: Callable[[str | Trace], object] = current.set

#: The attribute by which an exception tells whose request it has ended.
ENDED_A_REQUEST = "_errorshape_ended"


def trace_id() -> str | None:
    """Return the trace id of the request being served, None outside of a request."""
    trace = current.get()
    return trace.id if isinstance(trace, Trace) else trace


def leave() -> None:
    """Take the id out of the context variable: the thread will serve other requests.

    A server that closes the response because of an exception has yet to log that, in a context
    which the next request, even one that no application sees, may share. So the exception that is
    being handled keeps the id, for the records that are made while it is.
    """
    exc = sys.exception()
    if exc is not None:
        note_end(exc)
    current.set(None)


def note_end(exc: BaseException) -> None:
    """Have an exception, which ends this request, tell so where the context variable cannot."""
    if (trace := current.get()) is not None:
        exc.__dict__[ENDED_A_REQUEST] = trace


def leave_at_close(body: Any) -> None:
    """Have ``close()`` of a response's body, which may have none, end with :func:`leave`.

    An object that takes no attributes stays as it is; then the next request's entry overwrites the
    id.
    """
    try:  # suppress() costs 4,700 machine instructions more
        body.close = partial(close_and_leave, body, getattr(body, "close", None))
    except (AttributeError, TypeError):
        return


def close_and_leave(body: Any, close: Callable[[], object] | None) -> None:
    """Do what ``body.close``, in whose place this is until then, was to do; then :func:`leave`."""
    del body.close  # a cycle, until now
    try:
        if close is not None:
            close()
    finally:
        leave()


def carry(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return ``function`` bound to the trace of the request that is being served now.

    For what runs it in a thread that knows nothing of the request: ``executor.submit(carry(work),
    1)``, ``executor.map(carry(work), jobs)``, ``Thread(target=carry(work))``,
    ``loop.run_in_executor(None, carry(work))``. Tasks, ``asyncio.to_thread``, ``sync_to_async``
    and anyio's threads do it by themselves. Raises :exc:`TypeError` for a function whose work is
    not done when it returns: an asynchronous one, or a generator.
    """
    from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction

    if any(
        is_one(function)
        for is_one in (isasyncgenfunction, iscoroutinefunction, isgeneratorfunction)
    ):
        raise TypeError(
            f"{function!r} only begins when it is called: carry a function that does the work."
        )
    # Not the whole context: one copy cannot be entered by two threads at once, as map() would.
    trace = current.get()

    @wraps(function)
    def carried(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        before = current.get()
        current.set(trace)
        try:
            return function(*args, **kwargs)
        finally:
            current.set(before)

    return carried


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
