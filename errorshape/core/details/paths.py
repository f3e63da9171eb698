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
    return ".".join([_names.get(segment) or _named(segment) for segment in segments]) or WHOLE


# What short names and indices, of which an API has few, are in a path; never more than this many.
_names: dict[Segment, str] = {index: str(index) for index in range(100)}
_MOST_NAMES, _LONGEST_NAME = 2_000, 64


def _named(segment: Segment) -> str:
    if type(segment) is int:
        return str(segment)
    name = _quoted(segment)
    if type(segment) is str and len(name) <= _LONGEST_NAME and len(_names) < _MOST_NAMES:
        _names[segment] = name
    return name


def _quoted(segment: Segment) -> str:
    name = text(segment)
    if not name or _needs_quotes(name):
        return f"[{msgspec.json.encode(name).decode()}]"
    return name


def collect(problems: Iterable[Problem]) -> dict[str, str]:
    """Return the messages by path; several of one field are joined by ``; ``, each once."""
    details: dict[str, str] = {}
    known = _names.get
    for segments, message in problems:
        # As path() does, whose call would be a tenth of all this.
        where = ".".join([known(segment) or _named(segment) for segment in segments]) or WHOLE
        details[where] = message if where not in details else joined(details[where], message)
    return details


def joined(before: str, message: str) -> str:
    """Return the messages of one field with a further one, each once."""
    return before if message in before.split("; ") else f"{before}; {message}"
