"""Orders on Django REST Framework, in one file.

From this directory: ``python drf_app.py runserver``
"""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    MIDDLEWARE=["errorshape.django.ErrorShapeMiddleware"],
    REST_FRAMEWORK={
        "EXCEPTION_HANDLER": "errorshape.drf.exception_handler",
        "UNAUTHENTICATED_USER": None,
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY="for this example only",
    USE_TZ=True,
)

from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

import errorshape


class Item(serializers.Serializer):  # type: ignore[type-arg]
    """One line of an order."""

    name = serializers.CharField()
    count = serializers.IntegerField(min_value=1)


class Order(serializers.Serializer):  # type: ignore[type-arg]
    """What a customer wants."""

    items = Item(many=True)


@api_view(["POST"])
def create(request: Request) -> Response:
    """Create an order: one that is not valid is answered with the path of every mistake."""
    order = Order(data=request.data)
    order.is_valid(raise_exception=True)
    return Response(order.data, status=201)


@api_view(["GET"])
def show(request: Request, order_id: str) -> Response:
    """Show an order."""
    raise errorshape.NotFoundError(f"Order {order_id} not found", details={"id": order_id})


urlpatterns = [path("orders", create), path("orders/<order_id>", show)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
