"""structlog: a processor that gives each event the trace id."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from .context import trace_id
from .records import OUTSIDE


def add_trace_id(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Add ``trace_id`` to an event, ``-`` outside of a request; one that it has already stays.

    Put it among the processors, and into the ``foreign_pre_chain`` of a ``ProcessorFormatter``:
    there the record of the standard library knows the request, also in the thread of a queue.
    """
    if "trace_id" not in event:
        record = event.get("_record")
        event["trace_id"] = getattr(record, "trace_id", None) or trace_id() or OUTSIDE
    return event
