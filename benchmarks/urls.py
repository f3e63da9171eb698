"""The routes of the Django candidates."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import path

from . import data


def ok(request: Any) -> HttpResponse:
    """Answer."""
    return HttpResponse(data.BODY, content_type="application/json")


def error(request: Any) -> HttpResponse:
    """Raise the documented error."""
    raise data.documented()


def crash(request: Any) -> HttpResponse:
    """Raise what nobody expected."""
    raise RuntimeError("crash")


urlpatterns = [path("ok", ok), path("error", error), path("crash", crash)]

if "rest_framework" in settings.INSTALLED_APPS:
    from rest_framework.exceptions import NotFound
    from rest_framework.views import APIView

    class Own(APIView):
        """Raise the framework's own error."""

        def get(self, request: Any) -> HttpResponse:
            """Raise."""
            raise NotFound(data.MESSAGE)

    class Documented(APIView):
        """Raise errorshape's, where it is there; the others know only the framework's own."""

        def get(self, request: Any) -> HttpResponse:
            """Raise."""
            if "errorshape" in settings.REST_FRAMEWORK["EXCEPTION_HANDLER"]:
                raise data.documented()
            raise NotFound(data.MESSAGE)

    class View(APIView):
        """Answer, from a view of the framework."""

        def get(self, request: Any) -> HttpResponse:
            """Answer."""
            return ok(request)

    urlpatterns = [
        path("ok", ok),
        path("error", Documented.as_view()),
        path("own", Own.as_view()),
        path("view", View.as_view()),
    ]
