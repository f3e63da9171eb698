"""Both shops in one project."""

from django.urls import include, path

from tests.openapi.ninja_app import api

urlpatterns = [path("drf/", include("tests.openapi.drf_app")), path("ninja/", api.urls)]
