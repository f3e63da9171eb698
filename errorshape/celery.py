"""Celery: a task belongs to the request that has sent it, and so do the tasks it sends.

``errorshape.celery.init_app(app)``, where the application is made: in the worker, in beat, and in
whatever sends tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, wraps
from typing import Any
from weakref import WeakKeyDictionary

try:
    from celery import Celery, signals  # type: ignore[import-untyped]
    from celery.utils.imports import symbol_by_name  # type: ignore[import-untyped]
except ImportError as exc:
    raise ImportError(
        "errorshape.celery needs Celery 5.4 or newer: pip install 'errorshape[celery]'"
    ) from exc

from . import trace
from .trace.context import current
from .trace.ids import new_trace_id
from .trace.messages import TRACE_HEADER, identify, stamp

# Celery's signals are those of the process. A task knows its application, a message does not; so
# every message is stamped, whichever application sends it.
_also: WeakKeyDictionary[Celery, tuple[str, ...]] = WeakKeyDictionary()

# Where the request of a running task keeps what was current before: a task that is run eagerly
# is part of something else.
_BEFORE = "_errorshape_before"

# What the worker's main process does about one task, and may log, or send tasks for.
_ABOUT_ONE_TASK = "on_accepted on_failure on_retry on_timeout revoked cancel terminate".split()


def init_app(app: Celery, *, also: Iterable[str] = ()) -> None:
    """Have the tasks of ``app`` run under the trace id of the request that has sent them.

    Retries, links, chains, groups and chords have it as well; a task that was sent outside of a
    request, by beat for one, has a fresh id, as have all that it sends. Log records carry it, in
    the main process of a worker too. ``also`` names headers of messages that have an id where
    ``X-Request-Id`` does not, such as those that another library has sent. A second call of one
    application changes ``also`` alone. Raises :exc:`TypeError` for what is no application, or no
    collection of names.
    """
    if not isinstance(app, Celery):
        raise TypeError(f"app is {app!r}: pass the celery.Celery.")
    names = () if isinstance(also, str) else tuple(also)
    if isinstance(also, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"also is {also!r}: write names of headers as ('CORRELATION_ID',).")
    trace.install()
    is_new = app not in _also
    _also[app] = names
    if not is_new:
        return
    signals.before_task_publish.connect(_stamp, weak=False)
    signals.task_prerun.connect(_enter, weak=False)
    signals.task_postrun.connect(_leave, weak=False)
    signals.task_received.connect(_received, weak=False)
    # The tasks are not there yet; each names the class of what its worker knows of a message.
    finalized: Any = app.on_after_finalize
    finalized.connect(_trace_requests, weak=False)
    if app.finalized:
        _trace_requests(app)


def _stamp(headers: Any, **_: Any) -> None:
    stamp(headers)


def _enter(task: Any, **_: Any) -> None:
    if (also := _also.get(task.app)) is None:
        return
    request, before = task.request, current.get()
    found = identify(_headers(request.headers, vars(request)), also)
    if request.is_eager:  # no message was sent, and whoever is waiting has the id
        found = before or found
    setattr(request, _BEFORE, before)
    current.set(found or new_trace_id())


def _leave(task: Any, **_: Any) -> None:
    if task.app in _also:
        current.set(getattr(task.request, _BEFORE, None))


def _headers(headers: Any, fields: Any) -> dict[str, Any]:
    """Return a message's headers: protocol 2 has them among the fields of the request."""
    return {**(headers or {}), **fields}


# --- the main process of a worker ----------------------------------------------------------------


def _trace_requests(sender: Celery, **_: Any) -> None:
    for task in sender.tasks.values():
        task.Request = _traced(symbol_by_name(task.Request))


@cache
def _traced(base: Any) -> Any:
    """Return a class of requests that do what they do about a task under its trace id."""

    class Request(base):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            fields, also = self.request_dict, _also.get(self.app, ())
            found = identify(_headers(fields.get("headers"), fields), also)
            if found is None:
                # Here, since the child process gets the fields.
                fields[TRACE_HEADER] = found = new_trace_id()
            self._errorshape_trace = found
            # What comes next is the line that it was received; then comes the signal, unless the
            # task was revoked.
            current.set(found)

    for name in _ABOUT_ONE_TASK:
        setattr(Request, name, _under_its_id(getattr(base, name)))
    return Request


def _under_its_id(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def bound(self: Any, *args: Any, **kwargs: Any) -> Any:
        current.set(self._errorshape_trace)
        try:
            return method(self, *args, **kwargs)
        finally:
            current.set(None)  # the main process serves no request by itself

    return bound


def _received(**_: Any) -> None:
    current.set(None)
