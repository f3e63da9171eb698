"""The audit example for WSGI servers; the tables are made when it starts."""

import os

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

from errorshape.wsgi import ErrorShapeMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "audit_django.settings")

application = ErrorShapeMiddleware(get_wsgi_application())
call_command("migrate", run_syncdb=True, verbosity=0)
