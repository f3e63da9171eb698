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


class _Names(dict[Segment, str]):
    """What short names and indices, of which an API has few, are in a path; never more than that."""

    def __missing__(self, segment: Segment) -> str:
        if type(segment) is int:
            return str(segment)
        name = _quoted(segment)
        if type(segment) is str and len(name) <= _LONGEST_NAME and len(self) < _MOST_NAMES:
            self[segment] = name
        return name


_MOST_NAMES, _LONGEST_NAME = 2_000, 64

#: What a segment is in a path: ``".".join([*map(name_of, segments)]) or WHOLE`` is that of several.
name_of = _Names({index: str(index) for index in range(100)}).__getitem__


def path(segments: Iterable[Segment]) -> str:
    """Return the dot-path: ``("tags", 0, "a.b")`` is ``tags.0.["a.b"]``; no segment is ``$``."""
    return ".".join([*map(name_of, segments)]) or WHOLE


def _quoted(segment: Segment) -> str:
    name = text(segment)
    if not name or _needs_quotes(name):
        return f"[{msgspec.json.encode(name).decode()}]"
    return name


def collect(problems: Iterable[Problem]) -> dict[str, str]:
    """Return the messages by path; several of one field are joined by ``; ``, each once."""
    details: dict[str, str] = {}
    for segments, message in problems:
        names = []  # as path() has it; the call would cost a tenth of all this
        for segment in segments:
            names.append(name_of(segment))
        where = ".".join(names) or WHOLE
        details[where] = message if where not in details else joined(details[where], message)
    return details


def joined(before: str, message: str) -> str:
    """Return the messages of one field with a further one, each once."""
    return before if message in before.split("; ") else f"{before}; {message}"
