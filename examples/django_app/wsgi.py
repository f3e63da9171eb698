"""The connector service for WSGI servers."""

import os

from django.core.wsgi import get_wsgi_application

from errors import CATALOG
from errorshape.wsgi import ErrorShapeMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_app.settings")

# Some requests fail before Django gets to its middleware; the wrap answers them.
application = ErrorShapeMiddleware(get_wsgi_application(), catalog=CATALOG)
