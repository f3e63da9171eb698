"""Django Ninja: ``waitress-serve with_ninja:app`` from this directory."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest
from django.urls import path

settings.configure(MIDDLEWARE=["errorshape.django.ErrorShapeMiddleware"], ROOT_URLCONF=__name__)

from ninja import NinjaAPI

from errorshape import NotFoundError
from errorshape.ninja import init_app

api = NinjaAPI()
init_app(api)


@api.get("/connectors/{number}")
def show(request: HttpRequest, number: int) -> None:
    raise NotFoundError(details={"id": str(number)})


urlpatterns = [path("", api.urls)]
app = get_wsgi_application()
