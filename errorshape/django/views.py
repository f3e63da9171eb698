"""What the adapters of frameworks on Django need: the layer of a request."""

from __future__ import annotations

import functools
from typing import Any

from django.core.signals import setting_changed
from django.http import HttpRequest

from ..core.layer import ErrorLayer
from .conf import layer_from_settings
from .middleware import about, answered

__all__ = ["about", "answered", "layer_of"]


@functools.cache
def _layer_without_middleware() -> ErrorLayer:
    return layer_from_settings()


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "ERRORSHAPE":
        _layer_without_middleware.cache_clear()


setting_changed.connect(_forget, dispatch_uid="errorshape.layer")


def layer_of(request: HttpRequest) -> ErrorLayer:
    """Return the layer of the middleware that the request came through, else the settings' own.

    Raises :exc:`~django.core.exceptions.ImproperlyConfigured` for a wrong setting.
    """
    layer: ErrorLayer | None = getattr(request, "_errorshape_layer", None)
    return layer or _layer_without_middleware()
