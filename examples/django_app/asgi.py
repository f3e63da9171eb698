"""The connector service for ASGI servers."""

import os

from django.core.asgi import get_asgi_application

from errors import CATALOG
from errorshape.asgi import ErrorShapeMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_app.settings")

# Some requests fail before Django gets to its middleware; the wrap answers them.
application = ErrorShapeMiddleware(get_asgi_application(), catalog=CATALOG)
