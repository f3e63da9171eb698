"""How the demo's servers log, and how their records are found again by trace id."""

from __future__ import annotations

import logging
import re
import sys

#: What one would write in one's own logging configuration: the trace id is an ordinary field.
FORMAT = "%(asctime)s %(levelname)-7s [%(trace_id)s] %(name)s: %(message)s"
TIME_FORMAT = "%H:%M:%S"
#: Where a record begins; the lines of a traceback belong to the record above them.
_BEGINNING = re.compile(r"^(?=\d\d:\d\d:\d\d )", re.MULTILINE)


def configure() -> None:
    """Log everything from INFO up to standard error, with the trace id in every line."""
    handler = logging.StreamHandler(sys.stderr)
    # The default serves the records made before errorshape is there, such as a server's first.
    handler.setFormatter(logging.Formatter(FORMAT, TIME_FORMAT, defaults={"trace_id": "-"}))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def records_of(trace_id: str, log_text: str) -> list[str]:
    """Pick the records that carry ``trace_id``, each with its traceback, in their order."""
    records = _BEGINNING.split(log_text)
    return [record.rstrip("\n") for record in records if f"[{trace_id}]" in record]
