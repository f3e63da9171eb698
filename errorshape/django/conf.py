"""The ``ERRORSHAPE`` setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ..core.layer import ErrorLayer

#: The options that may be, or may hold, dotted paths.
_DOTTED = ("layer", "catalog", "generate", "on_error", "translate", "message_for")


class DottedPathError(ImproperlyConfigured):
    """A dotted path in the setting that does not import."""


def layer_from_settings() -> ErrorLayer:
    """Return the layer that ``settings.ERRORSHAPE`` describes.

    ``{"LAYER": "shop.errors.layer"}``, or the options of :class:`~errorshape.ErrorLayer` in
    capitals. Raises :exc:`~django.core.exceptions.ImproperlyConfigured` with the remedy.
    """
    configured = getattr(settings, "ERRORSHAPE", {})
    if not isinstance(configured, Mapping):
        raise ImproperlyConfigured(
            f"ERRORSHAPE is {configured!r}: write a dict, like {{'INCLUDE': ['/api/']}}."
        )
    options: dict[str, Any] = {}
    for name, value in configured.items():
        if not (isinstance(name, str) and name.isupper()):
            raise ImproperlyConfigured(
                f"ERRORSHAPE has the key {name!r}: write its options in capitals, like 'INCLUDE'."
            )
        option = name.lower()
        options[option] = _imported(name, value) if option in _DOTTED else value
    try:
        return ErrorLayer.of(options.pop("layer", None), options)  # type: ignore[arg-type]
    except (TypeError, ValueError) as exc:
        raise ImproperlyConfigured(f"ERRORSHAPE: {exc}") from exc


def _imported(option: str, value: Any) -> Any:
    if isinstance(value, str):
        try:
            return import_string(value)
        except ImportError as exc:
            raise DottedPathError(
                f"ERRORSHAPE[{option!r}] is {value!r}, which does not import: {exc}."
            ) from exc
    if isinstance(value, Mapping):
        return {_imported(option, key): _imported(option, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_imported(option, item) for item in value]
    return value
