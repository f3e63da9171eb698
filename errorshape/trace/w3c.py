"""W3C Trace Context, level 2: what is taken from a request and what is passed on."""

from __future__ import annotations

import os
import re

from .context import Trace, current
from .ids import new_trace_id

# §3.2.2: version "-" trace-id "-" parent-id "-" trace-flags, in lower-case hex; version ff and
# ids of zeros are invalid. §4.3: a higher version may have more after a further "-".
_traceparent = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?",
    re.ASCII | re.DOTALL,
).fullmatch

_uuid = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch


def parse_traceparent(value: str) -> str | None:
    """Return the trace-id of a valid ``traceparent`` (32 lower-case hex digits), else None."""
    match = _traceparent(value)
    if match is None or (match[1] == "00" and match[5] is not None):
        return None
    return match[2]


def outgoing_headers() -> dict[str, str]:
    """Return the headers by which a call made now belongs to the request being served.

    ``X-Request-Id`` is the trace id. ``traceparent`` has a fresh parent-id on each call; its
    trace-id is that of the inbound trace, else the id's 32 hex digits when it is a UUID, else a
    fresh one. ``tracestate`` is there if the request had one. Outside of a request the id is fresh.
    """
    trace = current.get()
    if trace is None:
        trace = new_trace_id()
    if isinstance(trace, Trace):
        request_id, (_, trace_hex, _, flags) = trace.id, trace.traceparent.split("-")[:4]
        flags = f"{int(flags, 16) & 0b11:02x}"  # sampled and random; §4.3: the others are cleared
    else:
        request_id, flags = trace, "00"
        digits = trace.replace("-", "").lower() if _uuid(trace) else ""
        # §3.2.2.3: an id of zeros is invalid, though it has the form of a UUID
        trace_hex = digits if digits.strip("0") else os.urandom(16).hex()
    headers = {
        "X-Request-Id": request_id,
        "traceparent": f"00-{trace_hex}-{os.urandom(8).hex()}-{flags}",
    }
    if isinstance(trace, Trace) and trace.tracestate:
        headers["tracestate"] = trace.tracestate
    return headers
