"""Sentry: every event has the tag ``trace_id``, and what a client did wrong is none.

``sentry_sdk.init(integrations=[errorshape.sentry.ErrorShapeIntegration()])``, beside the
integrations of the frameworks, which Sentry finds by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    import sentry_sdk
    from sentry_sdk.integrations import Integration
    from sentry_sdk.scope import add_global_event_processor
except ImportError as exc:
    raise ImportError(
        "errorshape.sentry needs sentry-sdk 2.40 or newer: pip install 'errorshape[sentry]'"
    ) from exc

from .core.exceptions import APIError
from .core.translation import only_leaf
from .trace.context import trace_id

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint


class ErrorShapeIntegration(Integration):
    """Tags what Sentry sends with the id of the request, and holds back the errors of clients.

    The id is read when an event is made, so that no request pays for it that sends none.
    """

    identifier = "errorshape"

    @staticmethod
    def setup_once() -> None:
        """Add the processor of events; Sentry calls it once in a process."""
        add_global_event_processor(_process)


def _process(event: Event, hint: Hint) -> Event | None:
    if sentry_sdk.get_client().get_integration(ErrorShapeIntegration) is None:
        return event
    # What a middleware of Sentry inside of ours sees pass: an answer. That of a failure is logged by
    # us, which is an event.
    exc_info = hint.get("exc_info")
    if exc_info and isinstance(only_leaf(exc_info[1]), APIError) and not _is_handled(event):
        return None
    # Not on the isolation scope: without a middleware of Sentry it is that of the whole process, and
    # the tag would stay on it.
    if (current := trace_id()) is not None:
        event.setdefault("tags", {}).setdefault("trace_id", current)
    return event


def _is_handled(event: Event) -> bool:
    """Whether somebody has meant to send this: a log record, or a call of the application."""
    values = event.get("exception", {}).get("values") or [{}]
    return bool((values[-1].get("mechanism") or {}).get("handled", True))
