"""Dramatiq: a message belongs to the request that has sent it: ``init_app(broker)``."""

from __future__ import annotations

from typing import Any

try:
    from dramatiq import Broker, Middleware
except ImportError as exc:
    raise ImportError("errorshape.dramatiq needs it: pip install 'errorshape[dramatiq]'") from exc

from . import trace
from .trace.context import current, leave
from .trace.ids import new_trace_id
from .trace.messages import identify, stamp


def init_app(broker: Broker) -> None:
    """Have actors run under the trace id of the request that has sent the message; idempotent."""
    trace.install()
    if not any(isinstance(middleware, Trace) for middleware in broker.middleware):
        # What comes first is left last: the next message of a pipeline is sent before that.
        first = [type(middleware) for middleware in broker.middleware[:1]]
        broker.add_middleware(Trace(), before=first[0] if first else None)


class Trace(Middleware):
    """Puts the id into the options of a message, and takes it from there."""

    def before_enqueue(self, broker: Any, message: Any, delay: Any) -> None:
        stamp(message.options)

    def before_process_message(self, broker: Any, message: Any) -> None:
        current.set(identify(message.options) or new_trace_id())

    def after_process_message(self, broker: Any, message: Any, **_: Any) -> None:
        leave()

    after_skip_message = after_process_message
