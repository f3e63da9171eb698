"""Django's lazy translations (``gettext_lazy`` and its like)."""

from __future__ import annotations

from django.utils.translation import get_language


def language() -> str | None:
    """Return the language that is active, None where translation is switched off for a while."""
    return get_language()
