"""System checks: what is wrong, or odd, with the settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .conf import DottedPathError, layer_from_settings
from .middleware import ErrorShapeMiddleware


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """E001: a wrong option or value. E002: a dotted path that does not import."""
    try:
        layer_from_settings()
    except DottedPathError as exc:
        return [Error(str(exc), hint="Correct the dotted path.", id="errorshape.E002")]
    except ImproperlyConfigured as exc:
        return [Error(str(exc), hint="Correct the ERRORSHAPE setting.", id="errorshape.E001")]
    return []


def check_middleware(**kwargs: Any) -> list[CheckMessage]:
    """W001: a middleware above ours. W002: the admin is shaped. W003: no middleware at all."""
    position = next((i for i, path in enumerate(settings.MIDDLEWARE) if _is_ours(path)), None)
    if position is None:
        return [
            checks.Warning(
                "errorshape.django is installed, but its middleware is not.",
                hint='Put "errorshape.django.ErrorShapeMiddleware" first in MIDDLEWARE.',
                id="errorshape.W003",
            )
        ]
    messages: list[CheckMessage] = []
    if position > 0:
        messages.append(
            checks.Warning(
                f"{settings.MIDDLEWARE[0]} stands above ErrorShapeMiddleware: what it answers by"
                " itself is not shaped and has no trace id.",
                hint="Put ErrorShapeMiddleware first, or silence this if it is meant.",
                id="errorshape.W001",
            )
        )
    if "django.contrib.admin" in settings.INSTALLED_APPS and _shapes_everything():
        messages.append(
            checks.Warning(
                "The error pages of the Django admin are shaped as JSON, too.",
                hint='Name the paths of your API: ERRORSHAPE = {"INCLUDE": ["/api/"]}.',
                id="errorshape.W002",
            )
        )
    return messages


def _is_ours(path: str) -> bool:
    try:
        middleware = import_string(path)
    except ImportError:
        return False
    return isinstance(middleware, type) and issubclass(middleware, ErrorShapeMiddleware)


def _shapes_everything() -> bool:
    configured = getattr(settings, "ERRORSHAPE", {})
    return not any(name in configured for name in ("INCLUDE", "EXCLUDE", "LAYER"))
