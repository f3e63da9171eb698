"""Django REST Framework: ``waitress-serve with_drf:app`` from this directory."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path

MIDDLEWARE = ["errorshape.django.ErrorShapeMiddleware"]
DRF = {"EXCEPTION_HANDLER": "errorshape.drf.exception_handler", "UNAUTHENTICATED_USER": None}
settings.configure(MIDDLEWARE=MIDDLEWARE, REST_FRAMEWORK=DRF, ROOT_URLCONF=__name__)

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import DictField, IntegerField


@api_view(["POST"])
def create(request: Request) -> Response:
    return Response(DictField(child=IntegerField()).run_validation(request.data))


urlpatterns = [path("connectors", create)]
app = get_wsgi_application()
