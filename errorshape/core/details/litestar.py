"""Litestar: the list in ``extra``, made of the errors of msgspec or of a plugin's validator."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import attrs, msgspec
from .own import INVALID, own_message
from .paths import Problem, collect

_is_msgspecs = re.compile(r"(?s)(Expected|Object|Invalid|Integer value out of range)\b.*").fullmatch

# The name is the application's; what follows is the URL.
_missing = re.compile(r"(?s)Missing required \w+ parameter '([^']+)' for (?:path|url) .*").fullmatch


def details(exc: Any) -> dict[str, str] | None:
    """Return all errors of a request, None if the exception names none."""
    from . import details_of, is_validators

    cause = exc.__cause__
    inner = getattr(cause, "__cause__", None)
    if hasattr(cause, "errors") and inner is not None and is_validators(inner):
        return details_of(inner)  # the error of pydantic that a plugin made a list of
    if not isinstance(exc.extra, list):
        missing = _missing(str(exc.detail))
        return collect([([missing[1]], "Missing required parameter")]) if missing else None
    return collect(_problem(item, inner) for item in exc.extra if isinstance(item, Mapping))


def _problem(item: Mapping[str, Any], inner: BaseException | None) -> Problem:
    key, message = str(item.get("key", "")), str(item.get("message", INVALID))
    at = msgspec.segments_of(f".{key}") if key else []
    if key == "data" and item.get("source") == "body":
        at = []
    if inner is not None and str(inner).partition(" - ")[0] == message:
        # Of a hook, or a class of attrs: msgspec has only carried it.
        if (found := attrs.problem(inner)) is not None:
            return (*at, *found[0]), found[1]
        return at, own_message(inner) or INVALID
    if not _is_msgspecs(message):
        return at, INVALID
    message, field = msgspec.rebuilt(message)
    return (*at, *field), message
