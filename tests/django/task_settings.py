"""The settings of ``tests.django.task_site``, whose processes share a database."""

import os

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "tests.django.task_site"
INSTALLED_APPS = ["errorshape.django", "django_tasks_db"]
MIDDLEWARE = ["errorshape.django.ErrorShapeMiddleware"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["TESTS_DATABASE"]}
}
TASKS = {
    "default": {"BACKEND": "tests.django.task_site.Database"},
    "at once": {"BACKEND": "tests.django.task_site.Immediate"},
    "plain": {"BACKEND": "tests.django.task_site.ImmediateBackend"},
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "format": "%(trace_id)s|%(name)s|%(message)s",
            "defaults": {"trace_id": "-"},
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
