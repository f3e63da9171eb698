"""Sentry: what is sent has the tag ``trace_id``, and what a client did wrong is not sent.

``sentry_sdk.init(integrations=[errorshape.sentry.ErrorShapeIntegration()])``, beside the
integrations of the frameworks, which Sentry finds by itself.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

try:
    import sentry_sdk
    from sentry_sdk.integrations import Integration, asgi, wsgi
    from sentry_sdk.scope import Scope, add_global_event_processor
except ImportError as exc:
    raise ImportError(
        "errorshape.sentry needs sentry-sdk 2.41 or newer: pip install 'errorshape[sentry]'"
    ) from exc

from .core.exceptions import APIError
from .core.translation import only_leaf
from .trace import context
from .trace.context import trace_id

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

    from .trace.context import Trace

_TAG = "trace_id"

# By which Sentry's middlewares know that one of them is around them. Its public parts do not say
# whether an isolation scope is a request's. A version without them has no tag on the scope where
# the middleware is outside of ours; its events have it all the same.
_applied = [
    applied
    for module, name in ((asgi, "_asgi_middleware_applied"), (wsgi, "_wsgi_middleware_applied"))
    if (applied := getattr(module, name, None)) is not None
]


class _Id(str):
    """An id that we have put on a scope: it gives way to that of the moment, and to others'."""

    __slots__ = ()


class ErrorShapeIntegration(Integration):
    """Tags what Sentry sends with the id of the request, and holds back the errors of clients.

    The tag is on the isolation scope of a request, if Sentry has made one for it, and on all that
    is forked from a scope meanwhile: what Sentry takes into threads. Anything else gets it when it
    is sent, since a scope that is not the request's own would keep it.
    """

    identifier = "errorshape"

    @staticmethod
    def setup_once() -> None:
        """Add the processor of events, and see to scopes; Sentry calls it once in a process."""
        add_global_event_processor(_process)
        fork = Scope.fork
        enter = context.enter

        @wraps(fork)
        def fork_tagged(self: Scope) -> Scope:
            forked = fork(self)
            # Inside of ours, a middleware of Sentry makes its scope, or the start of a thread does.
            if trace_id() is not None and self is sentry_sdk.get_isolation_scope():
                _tag(forked)
            return forked

        def enter_tagged(trace: str | Trace) -> None:
            enter(trace)
            if any(applied.get(False) for applied in _applied):  # one is outside of ours
                _tag(sentry_sdk.get_isolation_scope())

        Scope.fork = fork_tagged  # type: ignore[method-assign]
        context.enter = enter_tagged


def _is_wanted() -> bool:
    """Whether the client of the moment has the integration: a process may have several."""
    return sentry_sdk.get_client().get_integration(ErrorShapeIntegration) is not None


def _tag(scope: Scope) -> None:
    # What is on a scope, no public part of it says.
    if _is_wanted() and isinstance(scope._tags.get(_TAG, _Id()), _Id):
        scope.set_tag(_TAG, _Id(trace_id()))


def _process(event: Event, hint: Hint) -> Event | None:
    if not _is_wanted():
        return event
    # What a middleware of Sentry inside of ours sees pass: an answer. That of a failure is logged by
    # us, which is an event.
    exc_info = hint.get("exc_info")
    if exc_info and isinstance(only_leaf(exc_info[1]), APIError) and not _is_handled(event):
        return None
    if (current := trace_id()) is not None:
        tags = event.setdefault("tags", {})
        if isinstance(tags.get(_TAG, _Id()), _Id):
            tags[_TAG] = current
    return event


def _is_handled(event: Event) -> bool:
    """Whether somebody has meant to send this: a log record, or a call of the application."""
    values = event.get("exception", {}).get("values") or [{}]
    return bool((values[-1].get("mechanism") or {}).get("handled", True))
