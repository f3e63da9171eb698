"""loguru: a patcher that gives each record the trace id."""

from __future__ import annotations

from typing import Any

from .context import trace_id
from .records import OUTSIDE


def patch(record: Any) -> None:
    """Add ``extra["trace_id"]`` to a record, ``-`` outside of a request; a bound one stays.

    ``logger.configure(patcher=errorshape.trace.loguru.patch)``; in a format
    ``{extra[trace_id]}``.
    """
    record["extra"].setdefault("trace_id", trace_id() or OUTSIDE)
