"""Input that could not be decoded at all."""

from __future__ import annotations

import re

from .paths import WHOLE

# The messages of msgspec and json that give a place and no content. YAML's and TOML's quote the
# document, MessagePack's the byte.
_harmless = re.compile(
    r"JSON is malformed: .* \(byte \d+\)|Input data was truncated|[A-Z][^`]*\(char \d+\)"
).fullmatch
_place = re.compile(r"\((?:byte|at line) [^)]*\)$").search


def details(exc: Exception) -> dict[str, str]:
    """Return where the input stops being what it is said to be."""
    if isinstance(exc, UnicodeDecodeError):
        return {WHOLE: f"Not valid {exc.encoding} at byte {exc.start}"}  # str(exc) has the byte
    message = str(exc)
    if not _harmless(message):
        place = _place(message)
        message = f"Malformed {place[0]}" if place else "Malformed"
    return {WHOLE: message}
