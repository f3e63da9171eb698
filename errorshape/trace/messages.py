"""Messages of task queues: what they carry, and whose request the task is then part of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from .context import Trace
from .ids import is_trace_id
from .outgoing import Propagation
from .w3c import parse_traceparent

#: The header of a message that has the trace id.
TRACE_HEADER = "X-Request-Id"

_everywhere = Propagation(None, TRACE_HEADER)


def stamp(headers: MutableMapping[str, Any]) -> None:
    """Add to a message's headers those by which its task belongs to the request that sends it.

    One that is there stays. Outside of a request the id is fresh, and made here rather than by the
    worker: a task that is delivered again has it still.
    """
    headers.update(_everywhere.headers_for(None, headers))


def identify(headers: Mapping[str, Any], also: Iterable[str] = ()) -> str | Trace | None:
    """Return the id that a message carries, None without a valid one.

    ``also`` names headers that have an id where ``X-Request-Id`` does not.
    """
    for name in (TRACE_HEADER, *also):
        request_id = headers.get(name)
        if isinstance(request_id, str) and is_trace_id(request_id):
            break
    else:
        return None
    traceparent, tracestate = headers.get("traceparent"), headers.get("tracestate", "")
    if not (isinstance(traceparent, str) and parse_traceparent(traceparent)):
        return request_id
    return Trace(request_id, traceparent, tracestate if isinstance(tracestate, str) else "")
