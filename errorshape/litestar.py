"""The Litestar plugin: exception handlers, and the wrap around the application's whole handler."""

from __future__ import annotations

from importlib.metadata import version
from traceback import walk_tb
from typing import Any, Unpack

from .asgi import SCOPE_KEY, ErrorShapeMiddleware, Receive, Scope, Send, request_in
from .core.details import details_of
from .core.exceptions import APIError, ValidationError
from .core.http import ErrorResponse
from .core.layer import ErrorLayer
from .core.options import Options
from .core.translation import is_disconnect
from .core.versions import is_older

_ADVICE = "errorshape.litestar needs Litestar 2.20 or newer: pip install 'errorshape[litestar]'"

try:
    from litestar import Litestar, Request, Response
    from litestar.config.app import AppConfig
    from litestar.exceptions import HTTPException, WebSocketDisconnect, WebSocketException
    from litestar.exceptions.responses import create_debug_response, create_exception_response
    from litestar.plugins import InitPlugin
except ImportError as exc:
    raise ImportError(_ADVICE) from exc
if is_older(version("litestar"), (2, 20)):
    raise ImportError(f"{_ADVICE} (this is {version('litestar')})")


class ErrorShapePlugin(InitPlugin):
    """Shape every error of a Litestar application: ``Litestar(…, plugins=[ErrorShapePlugin()])``.

    Takes the options of :class:`~errorshape.ErrorLayer`, or a layer made before; raises what that
    raises. The application's own exception handlers come first. The layer is then
    ``app.state.errorshape``. A second plugin in one application changes nothing.

    The wrap, which sees what no handler sees, takes its place when the application starts up: the
    server, or the test client as a context manager, has to run the lifespan.
    """

    def __init__(self, layer: ErrorLayer | None = None, **options: Unpack[Options]) -> None:
        self.layer = ErrorLayer.of(layer, options)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Register with an application that is being made."""
        if app_config.state.get("errorshape") is not None:
            return app_config
        app_config.state["errorshape"] = self.layer
        handlers = app_config.exception_handlers
        for cls in (HTTPException, APIError, ExceptionGroup, *self.layer.translations):
            handlers.setdefault(cls, self._handle)
        if not self.layer.debug and not handlers.keys() & {500, Exception}:
            handlers[Exception] = self._handle
        app_config.after_exception.append(_websocket_failed)
        app_config.on_startup.append(self._wrap)
        return app_config

    def _wrap(self, app: Litestar) -> None:
        # Litestar has no hook around its router, its CORS and its handlers but this attribute.
        if not isinstance(app.asgi_handler, ErrorShapeMiddleware):  # started up before
            app.asgi_handler = ErrorShapeMiddleware(app.asgi_handler, self.layer)  # type: ignore[assignment]

    def _handle(self, request: Request[Any, Any, Any], exc: Exception) -> Response[Any]:
        if is_disconnect(exc) and isinstance(exc, HTTPException):
            raise exc  # the wrap knows whether it is so
        failed = request_in(request.scope)  # type: ignore[arg-type]  # a TypedDict of its own
        if (error := _undecodable(exc)) is not None:
            error.__cause__ = exc
            exc = error
        if isinstance(exc, HTTPException) and not self.layer.replaces(failed):
            self.layer.report(exc, request=failed, status=exc.status_code)
            return _own_response(request, exc)
        expected = self.layer.translate(exc)
        logged = expected is None and _has_logged(request.app, exc)
        return _Shaped(self.layer.answer(exc, error=expected, request=failed, logged=logged))


def _own_response(request: Request[Any, Any, Any], exc: HTTPException) -> Response[Any]:
    """Return what Litestar answers an exception with that has no handler."""
    if request.app.debug and exc.status_code == 500:
        return create_debug_response(request, exc)
    return create_exception_response(request, exc)


class _Shaped(Response[bytes]):
    """A response that goes out as the layer made it."""

    def __init__(self, response: ErrorResponse) -> None:
        super().__init__(response.body, status_code=response.status)
        self._made = response

    def to_asgi_response(self, *args: Any, **options: Any) -> Any:
        """Return the ASGI application that sends it."""
        return self._send

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        made = self._made
        headers = [(k.lower().encode(), v.encode("latin-1")) for k, v in made.headers]
        body = b"" if scope["method"] == "HEAD" else made.body
        await send({"type": "http.response.start", "status": made.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


async def _websocket_failed(exc: Exception, scope: Any) -> None:
    """Let the wrap end a WebSocket, which can say more than Litestar's own ``close``."""
    own = isinstance(exc, WebSocketException) and not isinstance(exc, WebSocketDisconnect)
    if scope["type"] == "websocket" and not own and SCOPE_KEY in scope:
        raise exc


# Where Litestar decodes what it hands to a route handler as its ``data``.
_EXTRACTING = [
    "litestar._kwargs.extractors",
    "litestar.connection.request",
    "litestar.serialization.msgspec_hooks",
]
_PARSING = ["litestar._multipart"]


def _undecodable(exc: Exception) -> ValidationError | None:
    """Return the error of a body that Litestar cannot decode, None if it is something else.

    Of JSON it expects msgspec's errors alone, of a form's fields that they are in the charset that
    they name, and that there is such a charset.
    """
    if not isinstance(exc, UnicodeDecodeError) and type(exc) is not LookupError:
        return None
    modules = [frame.f_globals.get("__name__") for frame, _ in walk_tb(exc.__traceback__)]
    if modules[-1:] == _PARSING:
        return ValidationError()
    if modules[-3:] == _EXTRACTING and isinstance(exc, UnicodeDecodeError):
        return ValidationError(details=details_of(exc))
    return None


def _has_logged(app: Litestar, exc: Exception) -> bool:
    """Whether Litestar's own logging has taken the exception already."""
    config = app.logging_config
    if config is None or app.logger is None or config.exception_logging_handler is None:
        return False
    logs = config.log_exceptions == "always" or (config.log_exceptions == "debug" and app.debug)
    return logs and type(exc) not in config.disable_stack_trace
