"""The shop on Django REST Framework, its document written by drf-spectacular."""

from typing import Any

from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.openapi.shop import find, order


class OrderSerializer(serializers.Serializer):
    """What is ordered."""

    name = serializers.CharField()
    amount = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class ItemSerializer(serializers.Serializer):
    """What the shop sells."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class Item(APIView):
    """One item."""

    @extend_schema(responses={200: ItemSerializer, 404: OpenApiResponse(description="None such.")})
    def get(self, request: Request, item_id: int) -> Response:
        """Show it."""
        return Response(find(item_id))


class Orders(APIView):
    """All orders."""

    @extend_schema(request=OrderSerializer, responses={201: ItemSerializer})
    def post(self, request: Request) -> Response:
        """Order an item."""
        wanted = OrderSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return Response(order(**wanted.validated_data), status=201)


urlpatterns = [path("items/<int:item_id>", Item.as_view()), path("orders", Orders.as_view())]


def document() -> dict[str, Any]:
    """Make the document of the DRF part."""
    return SchemaGenerator(patterns=[path("drf/", _included())]).get_schema(public=True)


def _included() -> Any:
    from django.urls import include

    return include("tests.openapi.drf_app")
