"""Orders on Django Ninja, in one file.

From this directory: ``python ninja_app.py runserver``
"""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    MIDDLEWARE=["errorshape.django.ErrorShapeMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for this example only",
    USE_TZ=True,
)

from ninja import NinjaAPI, Schema

import errorshape.ninja

api = NinjaAPI()
errorshape.ninja.init_app(api)


class Item(Schema):
    """One line of an order."""

    name: str
    count: int


class Order(Schema):
    """What a customer wants."""

    items: list[Item]


@api.post("/orders", response={201: Order})
def create(request: HttpRequest, order: Order) -> tuple[int, Order]:
    """Create an order: one that is not valid is answered with the path of every mistake."""
    return 201, order


@api.get("/orders/{order_id}")
def show(request: HttpRequest, order_id: str) -> None:
    """Show an order."""
    raise errorshape.NotFoundError(f"Order {order_id} not found", details={"id": order_id})


urlpatterns = [path("", api.urls)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
