"""The script's views as Django REST Framework has them."""

from __future__ import annotations

from typing import Any

from rest_framework import parsers, serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView


def drf_view(function: Any, methods: list[str]) -> Any:
    """Return an APIView that answers as the Django view ``function`` does."""

    class View(APIView):
        renderer_classes = (JSONRenderer,)

        @property
        def default_response_headers(self) -> dict[str, str]:
            # The script's own headers are to be seen, not DRF's in their place.
            headers = super().default_response_headers
            return {} if "/prebuilt" in self.request.path else headers

    def handle(self: Any, request: Any, **arguments: str) -> Any:
        return function(request._request, **arguments)

    for method in methods:
        setattr(View, method.lower(), handle)
    return View.as_view()


class Named(serializers.Serializer[Any]):
    name = serializers.CharField()


class Upload(Named):
    count = serializers.IntegerField()
    file = serializers.FileField()


class FormView(APIView):
    """Validates a form, as DRF has it."""

    renderer_classes = (JSONRenderer,)
    parser_classes = (parsers.MultiPartParser, parsers.FormParser)
    serializer: type[Named] = Upload

    def post(self, request: Any) -> Response:
        """Answer with the name."""
        serializer = self.serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(serializer.validated_data["name"])
