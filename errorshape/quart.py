"""The Quart extension."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Unpack

from .asgi import SCOPE_KEY, ErrorShapeMiddleware, header_in
from .core.exceptions import APIError
from .core.http import ErrorResponse, Request
from .core.layer import ErrorLayer
from .core.options import Options
from .core.translation import only_leaf
from .core.versions import is_older

_ADVICE = "errorshape.quart needs Quart 0.20 or newer: pip install 'errorshape[quart]'"

try:
    import quart
    from werkzeug.exceptions import HTTPException, InternalServerError
except ImportError as exc:
    raise ImportError(_ADVICE) from exc
if is_older(version("quart"), (0, 20)):
    raise ImportError(f"{_ADVICE} (this is {version('quart')})")

if TYPE_CHECKING:
    from quart.typing import ResponseReturnValue

PREFIX = "ERRORSHAPE_"


class ErrorShape:
    """Shape every error of a Quart application: ``ErrorShape(app)``, or ``init_app(app)`` later.

    Takes the options of :class:`~errorshape.ErrorLayer`, a layer made before, or the config keys
    ``ERRORSHAPE_INCLUDE`` and so on (``ERRORSHAPE_CATALOG`` and ``ERRORSHAPE_LAYER``, too); options
    given here win. Raises what the layer raises. The application's own error handlers come before
    this extension's. A second ``init_app`` of one application changes nothing.
    """

    def __init__(
        self,
        app: quart.Quart | None = None,
        layer: ErrorLayer | None = None,
        **options: Unpack[Options],
    ) -> None:
        self._layer = layer
        self._options = options
        if app is not None:
            self.init_app(app)

    def init_app(self, app: quart.Quart) -> None:
        """Register with ``app``; its layer is then ``app.extensions["errorshape"]``."""
        if "errorshape" in app.extensions:
            return
        layer = ErrorLayer.of(*_configured(app, self._layer, self._options))
        app.extensions["errorshape"] = layer
        # Quart's own place for a middleware.
        app.asgi_app = ErrorShapeMiddleware(app.asgi_app, layer)  # type: ignore[method-assign,assignment]
        _answer_the_expected(app, layer)
        # HTTPException, not Exception: the latter would silence got_request_exception, the logger
        # and TESTING. What nobody handles arrives as InternalServerError.original_exception.
        own = app.error_handler_spec[None][None]
        for cls in (HTTPException, APIError, ExceptionGroup, *layer.translations):
            if cls not in own and not (issubclass(cls, HTTPException) and cls is not HTTPException):
                app.register_error_handler(cls, _handle)  # type: ignore[arg-type]  # may return exc
        for signal in (quart.got_request_exception, quart.got_websocket_exception):
            signal.connect(_propagated, app)


def _answer_the_expected(app: quart.Quart, layer: ErrorLayer) -> None:
    """Have Quart take no error that somebody expected for a failure, wherever it is raised.

    Of what an after_request function or an error handler raises, Quart asks no handler: it logs it
    as unhandled, sends got_request_exception, and raises it again where it is tested.
    """
    handle_the_unexpected: Any = app.handle_exception
    finalize: Any = app.finalize_request

    async def handle_exception(*context_and_exc: Any) -> Any:
        *context, exc = context_and_exc  # newer versions of Quart have a context there
        request = _request(quart.request)
        is_ours = not isinstance(exc, HTTPException) or (
            layer.shapes(request.path) and not app.trap_http_exception(exc)
        )
        if not is_ours or layer.translate(exc) is None:
            return await handle_the_unexpected(*context_and_exc)
        answer = layer.answer(exc, request=request)
        try:
            return await finalize(*context, await _response(answer))
        except Exception as again:
            # A function that refuses every response, this one as well, or one that crashes.
            if layer.translate(again) is None:
                return await handle_the_unexpected(*context, again)
            return await _response(answer)

    app.handle_exception = handle_exception  # type: ignore[method-assign,assignment]


async def _propagated(app: quart.Quart, exception: Exception, **_: Any) -> None:
    """Log a crash of which Quart makes a page with the traceback, or that it raises."""
    propagate = app.config["PROPAGATE_EXCEPTIONS"]
    if propagate or (propagate is None and (app.testing or app.debug)):
        connection: Any = quart.request if quart.has_request_context() else quart.websocket
        _layer().report(exception, request=_request(connection))
        connection.scope.get(SCOPE_KEY, {})["reported"] = only_leaf(exception)


def _configured(
    app: quart.Quart, layer: ErrorLayer | None, options: Options
) -> tuple[ErrorLayer | None, Options]:
    """Add what the application's config says to what the extension was given."""
    config: dict[str, Any] = app.config.get_namespace(PREFIX)
    if layer is None:
        layer = config.pop("layer", None)
    config.pop("layer", None)
    if layer is not None:
        return layer, options
    return None, {**config, **options}  # type: ignore[typeddict-item]


async def _handle(exc: Exception) -> ResponseReturnValue | Exception:
    app: quart.Quart = quart.current_app._get_current_object()
    connection: Any = quart.request if quart.has_request_context() else quart.websocket
    layer: ErrorLayer = app.extensions["errorshape"]
    if (handler := _handler_of_the_application(app, connection, exc)) is not None:
        handled: ResponseReturnValue = await app.ensure_async(handler)(exc)
        return handled
    request = _request(connection)
    if isinstance(exc, InternalServerError) and exc.original_exception is not None:
        # Quart has logged it and sent got_request_exception.
        cause = exc.original_exception
        if layer.shapes(request.path):
            return await _response(layer.answer(cause, request=request, logged=True))
        layer.report(cause, request=request, logged=True)
        return exc
    if isinstance(exc, HTTPException) and app.trap_http_exception(exc):
        raise exc  # TRAP_HTTP_EXCEPTIONS, and a missing key in debug: Quart asks for a crash
    error = layer.translate(exc)
    if isinstance(exc, HTTPException):
        if error is None or not layer.replaces(request):
            layer.report(exc, error=error, request=request)
            return exc
    elif error is None:
        raise exc  # a group of several: Quart's own way with what nobody handles
    return await _response(layer.answer(exc, error=error, request=request))


def _handler_of_the_application(app: quart.Quart, connection: Any, exc: Exception) -> Any:
    """Return the handler that Quart would have found if ours were not there."""
    for blueprint in (*connection.blueprints, None):
        handlers = app.error_handler_spec[blueprint][None]
        for cls in type(exc).__mro__:
            if (handler := handlers.get(cls)) is not None and handler is not _handle:
                return handler
    return None


async def _response(response: ErrorResponse) -> quart.Response:
    if quart.has_websocket_context():
        scope: Any = quart.websocket.scope
        if scope.get(SCOPE_KEY, {}).get("accepted"):
            # Quart drops the response and closes with 1000, as if all were well.
            reason = dict(response.headers)[_layer().trace_header][:123]  # RFC 6455 §5.5
            await quart.websocket.close(1011, reason)
    # Quart leaves it to the server to drop the body of a HEAD; the length given here stays.
    is_head = quart.has_request_context() and quart.request.method == "HEAD"
    response_class: Any = quart.current_app.response_class
    made: quart.Response = response_class(b"" if is_head else response.body, response.status)
    made.headers.clear()
    made.headers.extend(response.headers)
    return made


def _request(connection: Any) -> Request:
    method = getattr(connection, "method", "GET")  # a WebSocket has none
    path = connection.root_path + connection.path
    return Request(method, path, partial(header_in, connection.scope))


def _layer() -> ErrorLayer:
    layer: ErrorLayer = quart.current_app.extensions["errorshape"]
    return layer
