"""Django REST Framework: the exception handler that its settings name."""

from __future__ import annotations

import json
from typing import Any

from .core.exceptions import APIError, ForbiddenError, NotFoundError
from .core.layer import ErrorLayer
from .core.versions import is_older

_ADVICE = "errorshape.drf needs Django REST Framework 3.16 or newer: pip install 'errorshape[drf]'"

try:
    import rest_framework
    from django.core.exceptions import PermissionDenied
    from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
    from rest_framework import views
    from rest_framework.exceptions import APIException

    from .django.views import about, answered, layer_of
except ImportError as exc:
    raise ImportError(_ADVICE) from exc
if is_older(rest_framework.VERSION, (3, 16)):
    raise ImportError(f"{_ADVICE} (this is {rest_framework.VERSION})")

#: What Django raises and DRF answers, which has no message for a client.
_DJANGOS = (Http404, PermissionDenied)
_ANSWERED_BY_DRF = (APIException, *_DJANGOS)


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponseBase | None:
    """Shape what a view of Django REST Framework raises.

    ``REST_FRAMEWORK = {"EXCEPTION_HANDLER": "errorshape.drf.exception_handler"}``. ``context`` is
    DRF's: its ``request`` decides the options, which are those of the middleware. Returns None for
    what nobody expected, as DRF's own handler does: then it is Django's, which logs it and sends
    ``got_request_exception``. Raises :exc:`~django.core.exceptions.ImproperlyConfigured` for a
    wrong ``ERRORSHAPE`` setting where there is no middleware that has found it before.
    """
    drf_request = context["request"]
    request: HttpRequest = getattr(drf_request, "_request", drf_request)
    layer = layer_of(request)
    error, failed = layer.translate(exc), exc
    if error is None and isinstance(exc, _DJANGOS):
        failed = error = _of_djangos(exc, layer)
    if error is None:
        return None
    what = about(request)
    if isinstance(exc, _ANSWERED_BY_DRF) and not layer.replaces(what):
        its_own: HttpResponseBase | None = views.exception_handler(exc, context)
        return its_own
    views.set_rollback()
    return answered(layer, request, what, failed, error, _Answer)


class _Answer(HttpResponse):
    """The response to an error, with ``data`` as DRF's own have it: tests of views look there."""

    @property
    def data(self) -> Any:
        """What the body says, decoded; None where there is none, as for HEAD."""
        return json.loads(self.content) if self.content else None


def _of_djangos(exc: Exception, layer: ErrorLayer) -> APIError:
    """Return the APIError that is meant by one of Django's own."""
    entry = NotFoundError if isinstance(exc, Http404) else ForbiddenError
    error = (layer.catalog.get(entry.code) or entry)()
    error.__cause__ = exc
    return error
