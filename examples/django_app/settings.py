"""The settings of the connector service on Django: what an API without a database needs."""

MIDDLEWARE = [
    "errorshape.django.ErrorShapeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ERRORSHAPE = {"CATALOG": "errors.CATALOG"}

INSTALLED_APPS = ["errorshape.django"]
ROOT_URLCONF = "django_app.urls"
WSGI_APPLICATION = "django_app.wsgi.application"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
SECRET_KEY = "for this example only"
DEBUG = False
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            # dictConfig knows the key `defaults` from Python 3.12 on; so every version has it.
            "()": "logging.Formatter",
            "fmt": "%(levelname)s %(trace_id)s %(name)s: %(message)s",
            "defaults": {"trace_id": "-"},
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
