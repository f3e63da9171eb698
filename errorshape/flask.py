"""The Flask extension."""

from __future__ import annotations

import sys
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Unpack

from .core.exceptions import APIError
from .core.http import ErrorResponse, Request
from .core.layer import ErrorLayer
from .core.options import Options
from .wsgi import ErrorShapeMiddleware, header_in

_ADVICE = "errorshape.flask needs Flask 3.1 or newer: pip install 'errorshape[flask]'"

try:
    import click
    import flask
    from flask.cli import with_appcontext
    from werkzeug.exceptions import HTTPException, InternalServerError
except ImportError as exc:
    raise ImportError(_ADVICE) from exc
# New in 3.1. Flask has no version to read but in its metadata, whose parsing takes two thirds of this
# module's import.
if "SECRET_KEY_FALLBACKS" not in flask.Flask.default_config:
    raise ImportError(f"{_ADVICE} (this is {version('flask')})")

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
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
        app.wsgi_app = _WrapBeforeTheFirst(app, layer)  # type: ignore[method-assign]
        _answer_the_expected(app, layer)
        _take_over(app)
        # HTTPException, not Exception: the latter would silence got_request_exception, the logger
        # and TESTING. What nobody handles arrives as InternalServerError.original_exception.
        own = app.error_handler_spec[None][None]
        for cls in (HTTPException, APIError, ExceptionGroup, *layer.translations):
            if cls not in own and not (issubclass(cls, HTTPException) and cls is not HTTPException):
                app.register_error_handler(cls, _handle)  # type: ignore[arg-type]  # may return exc


def _answer_the_expected(app: flask.Flask, layer: ErrorLayer) -> None:
    """Have Flask take no error that somebody expected for a failure, wherever it is raised.

    Of what an after_request function or an error handler raises, Flask asks no handler: it logs it
    as unhandled, sends got_request_exception, and raises it again where it is tested.
    """
    handle_the_unexpected = app.handle_exception

    def handle_exception(exc: Exception) -> flask.Response:
        request = _request()
        is_ours = not isinstance(exc, HTTPException) or (
            layer.shapes(request.path) and not app.trap_http_exception(exc)
        )
        if not is_ours or layer.translate(exc) is None:
            return handle_the_unexpected(exc)
        answer = layer.answer(exc, request=request)
        try:
            return app.finalize_request(_response(answer))
        except Exception as again:
            # A function that refuses every response, this one as well, or one that crashes.
            if layer.translate(again) is None:
                return handle_the_unexpected(again)
            return _response(answer)

    app.handle_exception = handle_exception  # type: ignore[method-assign,assignment]


class _Wrap(ErrorShapeMiddleware):
    """The WSGI wrap inside the application object: Flask's own place for a middleware."""

    def __init__(self, app: flask.Flask, layer: ErrorLayer) -> None:
        super().__init__(app.wsgi_app, layer)
        self._flask = app

    def propagates(self, exc: Exception) -> bool:
        """Whether Flask has raised what it did not handle, for a debugger or a test."""
        propagate = self._flask.config["PROPAGATE_EXCEPTIONS"]
        if propagate is None:
            propagate = self._flask.testing or self._flask.debug
        if propagate and (_is_trapped(self._flask, exc) or self.layer.translate(exc) is None):
            return True
        return super().propagates(exc)


class _WrapBeforeTheFirst(_Wrap):
    """The same until the first request: an extension may register its handlers after ours."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.__class__ = _Wrap  # type: ignore[assignment]
        _take_over(self._flask)
        return self(environ, start_response)


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


def _handle(exc: Exception, before: Any = None) -> ResponseReturnValue | Exception:
    """Answer an exception; ``before`` is the handler of another extension that ours stands for."""
    app = flask.current_app._get_current_object()  # type: ignore[attr-defined]
    layer: ErrorLayer = app.extensions["errorshape"]
    if (handler := _handler_of_the_application(app, exc)) is not None:
        return _call(app, handler, exc)
    request = _request()
    if isinstance(exc, InternalServerError) and exc.original_exception is not None:
        # Flask has logged it and sent got_request_exception.
        cause = exc.original_exception
        if layer.shapes(request.path):
            return _response(layer.answer(cause, request=request, logged=True))
        layer.report(cause, request=request, logged=True)
        return exc if before is None else _call(app, before, exc)
    if before is None and _is_trapped(app, exc):
        raise exc
    error = layer.translate(exc)
    if isinstance(exc, HTTPException) or before is not None:
        if error is None or not layer.replaces(request):
            layer.report(exc, error=error, request=request)
            return exc if before is None else _call(app, before, exc)
    elif error is None:
        raise exc  # a group of several: Flask's own way with what nobody handles
    return _response(layer.answer(exc, error=error, request=request))


def _is_trapped(app: flask.Flask, exc: Exception) -> bool:
    """Whether an HTTP exception is to crash: TRAP_HTTP_EXCEPTIONS, and a missing key in debug."""
    return isinstance(exc, HTTPException) and app.trap_http_exception(exc)


def _handler_of_the_application(app: flask.Flask, exc: Exception) -> Any:
    """Return the handler that Flask would have found if ours were not there."""
    for blueprint in (*flask.request.blueprints, None):
        handlers = app.error_handler_spec[blueprint][None]
        for cls in type(exc).__mro__:
            handler: Any = handlers.get(cls)
            if isinstance(handler, _InsteadOf) and not _is_neighbours(app, handler.before):
                handler = handler.before
            if not (handler is None or handler is _handle or isinstance(handler, _InsteadOf)):
                return handler
    return None


def _call(app: flask.Flask, handler: Any, exc: Exception) -> ResponseReturnValue:
    handled: ResponseReturnValue = app.ensure_sync(handler)(exc)
    return handled


# --- Flask's neighbours: flask-smorest and APIFlask -----------------------------------------------


class _InsteadOf:
    """Our handler where an extension has registered its own for all errors."""

    def __init__(self, before: Any) -> None:
        self.before = before

    def __call__(self, exc: Exception) -> ResponseReturnValue | Exception:
        return _handle(exc, self.before)


def _take_over(app: flask.Flask) -> None:
    """Put ours in the place of those handlers that an extension registers for everybody."""
    own: dict[type[Exception], Any] = app.error_handler_spec[None][None]
    for cls, handler in own.items():
        if _is_neighbours(app, handler):
            own[cls] = _InsteadOf(handler)


def _is_neighbours(app: flask.Flask, handler: Any) -> bool:
    """Whether a handler is an extension's own, and not one of the application's in its place."""
    module = getattr(handler, "__module__", None)
    if module == "apiflask.app":  # which calls what the application gave to error_processor
        module = getattr(getattr(app, "error_callback", None), "__module__", None)
    return module in ("apiflask.app", "flask_smorest.error_handler")


def _request() -> Request:
    path = flask.request.script_root + flask.request.path
    return Request(flask.request.method, path, partial(header_in, flask.request.environ))


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
