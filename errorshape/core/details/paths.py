"""Dot-paths (CONTRACT §7), and the messages collected under them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from ..body import text

#: One place inside an input: a field's name, a list's index.
Segment = str | int
#: What is wrong, and where.
Problem = tuple[Iterable[Segment], str]

#: The path of the whole input, and of a mapping key that the validator does not name.
WHOLE = "$"
ANY_KEY = "*"

_needs_quotes = re.compile(r'[.\[\]"]').search


def path(segments: Iterable[Segment]) -> str:
    """Return the dot-path: ``("tags", 0, "a.b")`` is ``tags.0.["a.b"]``; no segment is ``$``."""
    # Nearly all segments are identifiers or indices, and those need no closer look.
    names = [
        segment
        if type(segment) is str and segment.isidentifier()
        else str(segment)
        if type(segment) is int
        else _quoted(segment)
        for segment in segments
    ]
    return ".".join(names) or WHOLE


def _quoted(segment: Segment) -> str:
    name = text(segment)
    if not name or _needs_quotes(name):
        return f"[{msgspec.json.encode(name).decode()}]"
    return name


def collect(problems: Iterable[Problem]) -> dict[str, str]:
    """Return the messages by path; several of one field are joined by ``; ``, each once."""
    details: dict[str, str] = {}
    for segments, message in problems:
        where = path(segments)
        before = details.get(where)
        if before is None:
            details[where] = message
        elif message not in before.split("; "):
            details[where] = f"{before}; {message}"
    return details
