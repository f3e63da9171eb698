"""The trace id: made or accepted, kept for the request, put on log records and outgoing calls."""

from .context import bind_trace_id, carry, trace_id
from .ids import new_trace_id
from .w3c import outgoing_headers


def install() -> None:
    """Give every log record made from here on the attribute ``trace_id``; idempotent.

    Inside a request it is the request's id, elsewhere ``-``; usable as ``%(trace_id)s`` without
    the configuration of any handler. The adapters and :func:`bind_trace_id` call it.
    """
    from . import records  # logging is slow to import, and not every caller of the core logs

    records.install()


__all__ = [
    "bind_trace_id",
    "carry",
    "install",
    "new_trace_id",
    "outgoing_headers",
    "trace_id",
]
