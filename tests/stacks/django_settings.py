"""The settings of the Django stacks; ``tests.stacks.django_app`` has the rest."""

SECRET_KEY = "only for tests"
DEBUG = False
USE_TZ = True
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
ROOT_URLCONF = "tests.stacks.django_app"
INSTALLED_APPS = ["errorshape.django"]
MIDDLEWARE = [
    "errorshape.django.ErrorShapeMiddleware",
    "django.middleware.common.CommonMiddleware",
    "tests.stacks.django_app.ApplicationMiddleware",
]

# Neither users nor permissions: there is no database.
REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "errorshape.drf.exception_handler",
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
}
