"""The settings of the two shops on Django."""

SECRET_KEY = "only for tests"
USE_TZ = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.openapi.django_urls"
INSTALLED_APPS = ["errorshape.django", "rest_framework", "drf_spectacular"]
MIDDLEWARE = ["errorshape.django.ErrorShapeMiddleware"]
ERRORSHAPE = {"CATALOG": "tests.openapi.shop.CATALOG"}
REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
    "EXCEPTION_HANDLER": "errorshape.drf.exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "shop",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "errorshape.contract.openapi.spectacular.document",
    ],
}
