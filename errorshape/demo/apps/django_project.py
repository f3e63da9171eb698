"""The settings of the two Django applications: only errorshape's line is about errors."""

from __future__ import annotations

import django
from django.conf import settings


def configure(urls: str) -> None:
    """Set Django up with the URLs of the module ``urls``."""
    settings.configure(
        MIDDLEWARE=["errorshape.django.ErrorShapeMiddleware"],
        ROOT_URLCONF=urls,
        ALLOWED_HOSTS=["127.0.0.1", "localhost"],
        LOGGING_CONFIG=None,  # the process has configured logging already
        USE_TZ=True,
    )
    django.setup()
