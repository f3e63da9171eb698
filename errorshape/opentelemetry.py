"""OpenTelemetry: a trace that begins inside of a request has the request's id.

``TracerProvider(id_generator=errorshape.opentelemetry.IdGenerator())``, or, for the agent that
needs no code, the environment variable ``OTEL_PYTHON_ID_GENERATOR=errorshape``.
"""

from __future__ import annotations

import re

try:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
except ImportError as exc:
    raise ImportError(
        "errorshape.opentelemetry needs the SDK: pip install 'errorshape[opentelemetry]'"
    ) from exc

from .trace.context import trace_id

_is_trace_hex = re.compile(r"(?!0{32})[0-9a-f]{32}").fullmatch


class IdGenerator(RandomIdGenerator):
    """Makes the id of a request, where it is a W3C trace-id, that of the trace begun inside of it.

    With ``trace_source="otel"`` every id is one. A span that has a parent keeps its trace; outside
    of a request, and for ids of another form, the trace-id is random.
    """

    def generate_trace_id(self) -> int:
        """Return the trace-id of a span without a parent, 128 bits."""
        current = trace_id()
        if current is not None and _is_trace_hex(current):
            return int(current, 16)
        return super().generate_trace_id()
