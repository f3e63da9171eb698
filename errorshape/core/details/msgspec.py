"""msgspec: one error, its place at the end of its message."""

from __future__ import annotations

import re

from . import attrs
from .own import INVALID, own_message
from .paths import ANY_KEY, Segment, collect

# "Expected `int`, got `str` - at `$.a[0].b`"; of a mapping's key: "… - at `key` in `$.a`"
_place = re.compile(r"(?s)(.*) - at (`key` in )?`\$(.*)`").fullmatch
_segment = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
# The two messages about a field that is not there belong to that field, not to its parent.
_field = re.compile(r"(?s)Object (missing required|contains unknown) field `(.*)`").fullmatch
# The messages that repeat what was submitted.
_value = re.compile(r"(?s)(Invalid (?:enum )?value) .*").fullmatch


def details(exc: Exception) -> dict[str, str]:
    """Return the one error."""
    message = str(exc)
    segments: list[Segment] = []
    is_key = False
    if place := _place(message):
        message, is_key = place[1], place[2] is not None
        segments = segments_of(place[3])
    message, field = rebuilt(message)
    if (cause := exc.__cause__) is not None and message == str(cause):
        # Of a hook, a __post_init__ or a class of attrs: msgspec has only carried it.
        found = attrs.problem(cause) or ((), own_message(cause) or INVALID)
        field, message = [*found[0]], found[1]
    if is_key:
        segments.append(ANY_KEY)
        message = f"Key: {message}"
    return collect([([*segments, *field], message)])


def segments_of(place: str) -> list[Segment]:
    """Return the segments of ``.a[0].b[...]``, as msgspec writes places."""
    return [
        name or (ANY_KEY if index == "..." else int(index))
        for name, index in _segment.findall(place)
    ]


def rebuilt(message: str) -> tuple[str, list[Segment]]:
    """Return a message of msgspec's without the value, and the field that it is about, if any."""
    if field := _field(message):
        what = "Missing required field" if field[1].startswith("m") else "Unknown field"
        return what, [field[2]]
    if value := _value(message):
        return value[1], []
    return message, []
