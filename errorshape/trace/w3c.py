"""W3C Trace Context, level 2: what is taken from a request and what is passed on.

https://www.w3.org/TR/trace-context-2/ is what the section numbers are of.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any

from .context import Trace, current
from .ids import new_trace_id

# §3.2.2: version "-" trace-id "-" parent-id "-" trace-flags, in lower-case hex; version ff and
# ids of zeros are invalid. §3.2.4: a higher version may have more after a further "-". The blanks
# around it are not part of a field's value (RFC 9110 §5.5), but not every server takes them off.
# By a comma a WSGI server joins headers that were there twice, so it may not even come in the end.
_traceparent = re.compile(
    r"[ \t]*(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})"
    r"(-[^,]*)?[ \t]*",
).fullmatch

# §3.3.2: list-member = key "=" value
#   key   = ( lcalpha / DIGIT ) 0*255( lcalpha / DIGIT / "_" / "-" / "*" / "/" / "@" )
#   value = 0*255(chr) nblk-chr     ; printable ASCII but for "," and "=", no space at its end
# Compiled (and kept by re) with the first that is passed on: not every service calls others.
_MEMBER = (
    r"[a-z0-9][a-z0-9_\-*/@]{0,255}="
    r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_MAX_MEMBERS = 32

# §3.2.2.5: the flags that level 2 knows; all others must go out as zero.
_SAMPLED = 0b01
_RANDOM = 0b10

_HEX = "0123456789abcdef"


def parse_traceparent(value: str) -> str | None:
    """Return the trace-id of a valid ``traceparent`` (32 lower-case hex digits), else None."""
    match = _traceparent(value)
    if match is None or (match[1] == "00" and match[5] is not None):
        return None
    return match[2]


def parse_tracestate(value: str) -> str:
    """Return a ``tracestate`` as it is passed on; ``""`` for one that is empty or invalid.

    ``value`` is all its fields, joined by commas (RFC 9110 §5.3). The order, the values and
    members that are there twice stay; blanks around members go, and members that are empty. One
    member that breaks the grammar, or more than 32, and all of it is dropped (W3C Trace Context
    §3.3.2 and its processing model).
    """
    members = [stripped for member in value.split(",") if (stripped := member.strip(" \t"))]
    is_member = re.compile(_MEMBER).fullmatch
    if len(members) > _MAX_MEMBERS or not all(map(is_member, members)):
        return ""
    return ",".join(members)


def outgoing_headers(trace_header: str = "X-Request-Id") -> dict[str, str]:
    """Return the headers by which a call made now belongs to the request being served.

    ``X-Request-Id``, or the header named instead, is the trace id. ``traceparent`` has a fresh
    parent-id on each call; its trace-id is that of the inbound trace, else the id's 32 hex digits
    when it is a UUID, else one derived from the id: the same for all calls of the request, in
    whatever thread, task or process they are made. ``tracestate`` is there if the request had a
    valid one. Outside of a request the id is fresh. Inside an active span of OpenTelemetry the last
    two are those of the span.
    """
    trace = current.get()
    if "opentelemetry.trace" in sys.modules and (span := active_span()) is not None:
        headers = {trace_header: _id_of(trace), "traceparent": span.traceparent}
        if span.tracestate:
            headers["tracestate"] = span.tracestate
        return headers
    if trace is None:
        trace = new_trace_id()
    tracestate = ""
    if isinstance(trace, Trace):
        request_id, (_, trace_hex, _, flags) = trace.id, trace.traceparent.split("-")[:4]
        flags = f"{int(flags, 16) & (_SAMPLED | _RANDOM):02x}"
        tracestate = parse_tracestate(trace.tracestate) if trace.tracestate else ""
    else:
        request_id, (trace_hex, flags) = trace, _started(trace)
    headers = {
        trace_header: request_id,
        "traceparent": f"00-{trace_hex}-{_parent_id()}-{flags}",
    }
    if tracestate:
        headers["tracestate"] = tracestate
    return headers


def active_span() -> Trace | None:
    """Return the trace that OpenTelemetry's active span is part of, None if there is none.

    The id is the span's trace-id, the parent-id of ``traceparent`` the span's own: what is called
    from it is its child. Looks only where OpenTelemetry has been imported, so that nobody pays for
    it who does not use it.
    """
    api: Any = sys.modules.get("opentelemetry.trace")
    get_current_span = getattr(api, "get_current_span", None)  # it may be half imported
    context = get_current_span().get_span_context() if get_current_span is not None else None
    if context is None or not context.is_valid:
        return None
    flags = context.trace_flags & (_SAMPLED | _RANDOM)
    trace_hex = f"{context.trace_id:032x}"
    traceparent = f"00-{trace_hex}-{context.span_id:016x}-{flags:02x}"
    return Trace(trace_hex, traceparent, context.trace_state.to_header())


def _id_of(trace: str | Trace | None) -> str:
    if trace is None:
        return new_trace_id()
    return trace.id if isinstance(trace, Trace) else trace


def _started(request_id: str) -> tuple[str, str]:
    """Return the trace-id and the flags of the trace that a request without one starts."""
    lowered = request_id.lower()
    digits = lowered.replace("-", "")
    if _is_uuid(lowered, digits) and digits.strip("0"):
        # §3.2.2.5.2: at least the 7 bytes on the right are random. Those of a version 4 are (RFC
        # 9562 §5.4); other UUIDs do not say.
        is_random = digits[12] == "4" and digits[16] in "89ab"
        return digits, f"{_RANDOM if is_random else 0:02x}"
    from hashlib import blake2b  # slow to import, and most ids are UUIDs

    return blake2b(request_id.encode(), digest_size=16).hexdigest(), "00"


def _is_uuid(lowered: str, digits: str) -> bool:
    """Whether an id is a UUID, with its hyphens or without them (RFC 9562 §4)."""
    if len(digits) != 32 or digits.strip(_HEX):
        return False
    parts = digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]
    return lowered in (digits, "-".join(parts))


def _parent_id() -> str:
    parent_id = os.urandom(8).hex()
    return parent_id if parent_id.strip("0") else _parent_id()  # §3.2.2.4: not all zeros
