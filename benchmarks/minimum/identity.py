"""The id of a request, as the minimums of all protocols make it."""

from contextvars import ContextVar

from errorshape.trace.ids import is_trace_id, new_trace_id
from errorshape.trace.w3c import parse_traceparent

#: An object of its own, so that no benchmark writes into that of errorshape.
current: ContextVar[str | None] = ContextVar("minimum", default=None)
KEY = "minimum"


def identify(request_id: str | None, traceparent: str | None = None) -> str:
    """Return the valid inbound id, that of the trace, or a fresh one (CONTRACT §4)."""
    if request_id is not None and is_trace_id(request_id):
        return request_id
    return (traceparent and parse_traceparent(traceparent)) or new_trace_id()
