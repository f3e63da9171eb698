"""Forms and formsets, which are no exceptions."""

from __future__ import annotations

from typing import Any

from ..core.details.django import details_of_form
from ..core.exceptions import ValidationError


def validated(form: Any) -> Any:
    """Return the ``cleaned_data`` of a bound form or formset.

    Raises :exc:`errorshape.ValidationError` with the details of all that is not valid; those of the
    third form of a formset are under ``2``.
    """
    if not form.is_valid():
        raise ValidationError(details=details_of_form(form))
    return form.cleaned_data
