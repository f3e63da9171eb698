"""Flask-Babel's lazy translations (``lazy_gettext`` and its like)."""

from __future__ import annotations

from typing import Any

from flask_babel import get_locale  # type: ignore[import-untyped]


def language() -> Any:
    """Return Babel's locale of the request, None outside of one: then nothing is translated."""
    return get_locale()
