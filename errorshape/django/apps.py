"""The application config: system checks, and log records outside of requests."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks

from .. import trace
from .checks import check_middleware, check_settings


class ErrorShapeConfig(AppConfig):
    """Registers the checks ``errorshape.E001…`` and ``W001…``."""

    name = "errorshape.django"
    label = "errorshape"
    verbose_name = "errorshape"

    def ready(self) -> None:
        """Register the checks; log records carry ``trace_id`` in management commands, too."""
        trace.install()
        checks.register(check_settings)
        checks.register(check_middleware)
