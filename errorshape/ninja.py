"""Django Ninja: exception handlers of an API."""

from __future__ import annotations

import functools
from typing import Any, Unpack

from .core.exceptions import APIError, NotFoundError
from .core.layer import ErrorLayer
from .core.options import Options
from .core.versions import is_older

_ADVICE = "errorshape.ninja needs Django Ninja 1.5 or newer: pip install 'errorshape[ninja]'"

try:
    import ninja
    import ninja.errors
    from django.http import Http404, HttpRequest, HttpResponse

    from .django.views import about, answered, layer_of
except ImportError as exc:
    raise ImportError(_ADVICE) from exc
if is_older(ninja.__version__, (1, 5)):
    raise ImportError(f"{_ADVICE} (this is {ninja.__version__})")


def init_app(
    api: ninja.NinjaAPI, layer: ErrorLayer | None = None, **options: Unpack[Options]
) -> None:
    """Shape every error of a Ninja API.

    Without a layer or options those of the middleware count, which are in the ``ERRORSHAPE``
    setting. The application's own exception handlers come before ours, whenever they are
    registered. A second call for one API changes nothing. Raises what the layer raises.
    """
    handlers: dict[Any, Any] = api._exception_handlers
    if any(isinstance(handler, _Handler) for handler in handlers.values()):
        return
    own = ErrorLayer.of(layer, options) if layer is not None or options else None
    # Not Exception: what nobody expected is for Django, which logs it and sends its signal.
    classes = [ninja.errors.HttpError, ninja.errors.ValidationError, Http404, APIError]
    for cls in (*classes, ExceptionGroup, *(own.translations if own else ())):
        before = handlers.get(cls)
        if before is None or _is_ninjas(before):
            handlers[cls] = _Handler(api, own, before)


class _Handler:
    """Our handler of one class of exceptions, and Ninja's, which it stands before."""

    def __init__(self, api: ninja.NinjaAPI, layer: ErrorLayer | None, before: Any) -> None:
        self.api = api
        self.layer = layer
        self.before = before

    def __call__(self, request: HttpRequest, exc: Exception) -> HttpResponse:
        layer = self.layer or layer_of(request)
        other = self._other(exc)
        if not _is_ninjas(other):
            return _call(other, request, exc)
        if isinstance(exc, ninja.errors.ValidationError):
            exc._errorshape_sent = _sent(self.api, request)  # type: ignore[attr-defined]
        error, failed = layer.translate(exc), exc
        if error is None and isinstance(exc, Http404):
            failed = error = (layer.catalog.get(NotFoundError.code) or NotFoundError)()
            error.__cause__ = exc
        what = about(request)
        # What Ninja has an answer to, which it keeps where the paths or the options say so.
        is_ninjas = isinstance(exc, (ninja.errors.HttpError, ninja.errors.ValidationError, Http404))
        if error is None or (is_ninjas and not layer.replaces(what)):
            return _call(other, request, exc)
        return answered(layer, request, what, failed, error)

    def _other(self, exc: Exception) -> Any:
        """Return the handler that Ninja would have found if ours were not there."""
        found = (self.api._exception_handlers.get(cls) for cls in type(exc).__mro__)
        handlers = (h.before if isinstance(h, _Handler) else h for h in found)
        # There is one: every API has a handler of Exception from the start.
        return next(handler for handler in handlers if handler is not None)


def _call(handler: Any, request: HttpRequest, exc: Exception) -> HttpResponse:
    response: HttpResponse = handler(request, exc)
    return response


def _is_ninjas(handler: Any) -> bool:
    """Whether a handler is one of those that every API has from the start."""
    return isinstance(handler, functools.partial) and handler.func.__module__ == "ninja.errors"


def _sent(api: ninja.NinjaAPI, request: HttpRequest) -> dict[str, Any]:
    """Return what was validated, by location: it tells fields from names of the view's."""
    sent: dict[str, Any] = {"query": request.GET, "form": request.POST}
    try:
        sent["body"] = api.parser.parse_body(request)
    except Exception:  # no body, or none that is known as this parser's
        sent.pop("body", None)
    return sent
