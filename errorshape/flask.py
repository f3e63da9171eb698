"""The Flask extension."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Unpack

import click
import flask
from flask.cli import with_appcontext
from werkzeug.exceptions import HTTPException, InternalServerError

from .core.exceptions import APIError
from .core.layer import ErrorLayer, ErrorResponse, Request
from .core.options import Options
from .wsgi import ErrorShapeMiddleware

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

PREFIX = "ERRORSHAPE_"


class ErrorShape:
    """Shape every error of a Flask application: ``ErrorShape(app)``, or ``init_app(app)`` later.

    Takes the options of :class:`~errorshape.ErrorLayer`, a layer made before, or the config keys
    ``ERRORSHAPE_INCLUDE`` and so on (``ERRORSHAPE_CATALOG`` and ``ERRORSHAPE_LAYER``, too); options
    given here win. Raises what the layer raises. The application's own error handlers come before
    this extension's. A second ``init_app`` of one application changes nothing.
    """

    def __init__(
        self,
        app: flask.Flask | None = None,
        layer: ErrorLayer | None = None,
        **options: Unpack[Options],
    ) -> None:
        self._layer = layer
        self._options = options
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask) -> None:
        """Register with ``app``; its layer is then ``app.extensions["errorshape"]``."""
        if "errorshape" in app.extensions:
            return
        layer = ErrorLayer.of(*_configured(app, self._layer, self._options))
        app.extensions["errorshape"] = layer
        if "errors" not in app.cli.commands:
            app.cli.add_command(_errors)
        app.wsgi_app = _Wrap(app, layer)  # type: ignore[method-assign]
        # HTTPException, not Exception: the latter would silence got_request_exception, the logger
        # and TESTING. What nobody handles arrives as InternalServerError.original_exception.
        own = app.error_handler_spec[None][None]
        for cls in (HTTPException, APIError, ExceptionGroup, *layer.translations):
            if cls not in own and not (issubclass(cls, HTTPException) and cls is not HTTPException):
                app.register_error_handler(cls, _handle)  # type: ignore[arg-type]  # may return exc


class _Wrap(ErrorShapeMiddleware):
    """The WSGI wrap inside the application object: Flask's own place for a middleware."""

    def __init__(self, app: flask.Flask, layer: ErrorLayer) -> None:
        super().__init__(app.wsgi_app, layer)
        self._flask = app

    def propagates(self) -> bool:
        """Whether Flask has raised what it did not handle, for a debugger or a test."""
        propagate = self._flask.config["PROPAGATE_EXCEPTIONS"]
        if propagate is None:
            propagate = self._flask.testing or self._flask.debug
        return bool(propagate) or super().propagates()


def _configured(
    app: flask.Flask, layer: ErrorLayer | None, options: Options
) -> tuple[ErrorLayer | None, Options]:
    """Add what the application's config says to what the extension was given."""
    config: dict[str, Any] = app.config.get_namespace(PREFIX)
    if layer is None:
        layer = config.pop("layer", None)
    config.pop("layer", None)
    if layer is not None:
        return layer, options
    return None, {**config, **options}  # type: ignore[typeddict-item]


def _handle(exc: Exception) -> ResponseReturnValue | Exception:
    app = flask.current_app._get_current_object()  # type: ignore[attr-defined]
    layer: ErrorLayer = app.extensions["errorshape"]
    if (handler := _handler_of_the_application(app, exc)) is not None:
        handled: ResponseReturnValue = app.ensure_sync(handler)(exc)
        return handled
    request = Request(flask.request.method, flask.request.script_root + flask.request.path)
    if isinstance(exc, InternalServerError) and exc.original_exception is not None:
        # Flask has logged it and sent got_request_exception.
        cause = exc.original_exception
        if layer.shapes(request.path):
            return _response(layer.answer(cause, request=request, logged=True))
        layer.report(cause, request=request, logged=True)
        return exc
    if isinstance(exc, HTTPException):
        if layer.translate(exc) is None or not layer.replaces(request):
            layer.report(exc, request=request)
            return exc
    elif layer.translate(exc) is None:
        raise exc  # a group of several: Flask's own way with what nobody handles
    return _response(layer.answer(exc, request=request))


def _handler_of_the_application(app: flask.Flask, exc: Exception) -> Any:
    """Return the handler that Flask would have found if ours were not there."""
    for blueprint in (*flask.request.blueprints, None):
        handlers = app.error_handler_spec[blueprint][None]
        for cls in type(exc).__mro__:
            if (handler := handlers.get(cls)) is not None and handler is not _handle:
                return handler
    return None


def _response(response: ErrorResponse) -> flask.Response:
    made: flask.Response = flask.current_app.response_class(
        response.body, response.status, response.headers
    )
    return made


# All arguments are left to the parser of `errorshape codes`, --help too.
@click.command("errors", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@with_appcontext
def _errors(arguments: tuple[str, ...]) -> None:
    """The reference of this application's errors."""
    from .contract.codes import main_for

    layer: ErrorLayer = flask.current_app.extensions["errorshape"]
    sys.exit(main_for(layer.catalog, arguments, "flask errors", layer.trace_header))
