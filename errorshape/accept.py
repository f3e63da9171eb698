"""What a client accepts, by werkzeug's parsers; imported by the layers whose options ask for it."""

from __future__ import annotations

from werkzeug.datastructures import LanguageAccept, MIMEAccept
from werkzeug.http import parse_accept_header

from .core.headers import PROBLEM
from .core.language import is_tag

# Characters; browsers send two hundred. To parse a hundred thousand, which some servers let through,
# takes a good part of a second: what is longer counts as not sent.
MAX_HEADER = 4_000


def prefers_problem(accept: str) -> bool:
    """Whether an ``Accept`` gives RFC 9457's media type a higher quality than the envelope's.

    The most specific range counts for each (RFC 9110 §12.5.1); what is not accepted has quality 0.
    """
    if len(accept) > MAX_HEADER:
        return False
    accepted = parse_accept_header(accept, MIMEAccept)
    return accepted.quality(PROBLEM) > accepted.quality("application/json")


def languages(accept_language: str) -> tuple[str, ...]:
    """Return the language tags of an ``Accept-Language``, the most wanted first (RFC 9110 §12.5.4).

    Each once, as the client wrote it; the wildcard, what is not wanted (``q=0``) and what is no tag
    are left out.
    """
    if len(accept_language) > MAX_HEADER:
        return ()
    accepted = parse_accept_header(accept_language, LanguageAccept)
    wanted = sorted(accepted, key=lambda pair: pair[1], reverse=True)
    return tuple(dict.fromkeys(tag for tag, quality in wanted if quality > 0 and is_tag(tag)))
