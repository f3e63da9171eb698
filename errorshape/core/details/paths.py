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
    return ".".join(map(_segment, segments)) or WHOLE


def _segment(segment: Segment) -> str:
    name = text(segment)
    if not name or _needs_quotes(name):
        return f"[{msgspec.json.encode(name).decode()}]"
    return name


def collect(problems: Iterable[Problem]) -> dict[str, str]:
    """Return the messages by path; several of one field are joined by ``; ``, each once."""
    found: dict[str, list[str]] = {}
    for segments, message in problems:
        messages = found.setdefault(path(segments), [])
        if message not in messages:
            messages.append(message)
    return {where: "; ".join(messages) for where, messages in found.items()}
