"""What a client accepts, by werkzeug's parsers; imported by the layers whose options ask for it."""

from __future__ import annotations

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from .core.headers import PROBLEM


def prefers_problem(accept: str) -> bool:
    """Whether an ``Accept`` gives RFC 9457's media type a higher quality than the envelope's.

    The most specific range counts for each (RFC 9110 §12.5.1); what is not accepted has quality 0.
    """
    accepted = parse_accept_header(accept, MIMEAccept)
    return accepted.quality(PROBLEM) > accepted.quality("application/json")
