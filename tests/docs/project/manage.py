"""The shop's manage.py, where it is a Django project."""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line

settings.configure(
    INSTALLED_APPS=["errorshape.django"],
    MIDDLEWARE=["errorshape.django.ErrorShapeMiddleware"],
    ERRORSHAPE={"CATALOG": "shop.errors.CATALOG"},
)

execute_from_command_line(sys.argv)
