"""Validators' errors as ``{dot-path: message}`` (CONTRACT §7).

Validators are known by the names of their classes; none is imported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from .body import text

#: One place inside an input: a field's name, a list's index.
Segment = str | int

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


def collect(errors: Iterable[tuple[Iterable[Segment], str]]) -> dict[str, str]:
    """Return the messages by path; several of one field are joined by ``; ``."""
    details: dict[str, str] = {}
    for segments, message in errors:
        where = path(segments)
        details[where] = f"{details[where]}; {message}" if where in details else message
    return details


# --- msgspec -------------------------------------------------------------------------------------

# "Expected `int`, got `str` - at `$.a[0].b`"; of a mapping's key: "… - at `key` in `$.a`"
_msgspec_place = re.compile(r"(?s)(.*) - at (?:`key` in )?`\$([^`]*)`").fullmatch
_msgspec_segment = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
# The two messages about a field that is not there belong to that field, not to its parent.
_msgspec_field = re.compile(
    r"(?s)Object (missing required|contains unknown) field `(.*)`"
).fullmatch
# The messages that repeat what was submitted.
_msgspec_value = re.compile(r"(?s)(Invalid (?:enum )?value) .*").fullmatch


def _msgspec(exc: Exception) -> dict[str, str]:
    message, segments = str(exc), []
    if place := _msgspec_place(message):
        message = place[1]
        for name, index in _msgspec_segment.findall(place[2]):
            segments.append(name or (ANY_KEY if index == "..." else index))
    if field := _msgspec_field(message):
        segments.append(field[2])
        message = "Missing required field" if field[1].startswith("m") else "Unknown field"
    elif value := _msgspec_value(message):
        message = value[1]
    return collect([(segments, message)])


# --- malformed input -----------------------------------------------------------------------------


def _malformed(exc: Exception) -> dict[str, str]:
    return {WHOLE: str(exc)}  # msgspec and json give a place and no content


def _malformed_text(exc: Any) -> dict[str, str]:
    return {WHOLE: f"Not valid {exc.encoding} at byte {exc.start}"}  # str(exc) repeats the byte


_BY_NAME: dict[str, Callable[[Any], dict[str, str]]] = {
    "msgspec.ValidationError": _msgspec,
    "msgspec.DecodeError": _malformed,
    "json.decoder.JSONDecodeError": _malformed,
    "builtins.UnicodeDecodeError": _malformed_text,
}


def details_of(exc: BaseException) -> dict[str, str] | None:
    """Return the details of a validator's error, None if ``exc`` is none that is known."""
    for cls in type(exc).__mro__:
        if flatten := _BY_NAME.get(f"{cls.__module__}.{cls.__qualname__}"):
            return flatten(exc)
    return None
