"""The id of a request, and the body of an error, as the minimums of all protocols make them."""

from contextvars import ContextVar

import msgspec

from errorshape.core.body import Envelope, Error
from errorshape.trace.ids import is_trace_id, new_trace_id
from errorshape.trace.w3c import parse_traceparent

#: An object of its own, so that no benchmark writes into that of errorshape.
current: ContextVar[str | None] = ContextVar("minimum", default=None)
KEY = "minimum"
encode = msgspec.json.Encoder().encode


def identify(request_id: str | None, traceparent: str | None = None) -> str:
    """Return the valid inbound id, that of the trace, or a fresh one (CONTRACT §4)."""
    if request_id is not None and is_trace_id(request_id):
        return request_id
    return (traceparent and parse_traceparent(traceparent)) or new_trace_id()


def encoded(exc, trace_id):
    """Return the body of a documented error, for values that JSON can hold as they are."""
    return encode(Envelope(Error(exc.code, exc.message, trace_id, exc.details or msgspec.UNSET)))
