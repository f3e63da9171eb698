"""The settings of the audit example on Django."""

import os

MIDDLEWARE = ["errorshape.django.ErrorShapeMiddleware"]
INSTALLED_APPS = ["errorshape.django", "audit_django"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("AUDIT_DB", "audit.db"),
        "ATOMIC_REQUESTS": True,  # what a failed request did is undone, its audit rows too
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "audit_django.urls"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
SECRET_KEY = "for this example only"
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "logging.Formatter",
            "fmt": "%(levelname)s %(trace_id)s %(name)s: %(message)s",
            "defaults": {"trace_id": "-"},
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
