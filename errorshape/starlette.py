"""Starlette: its own exception handlers, and the wrap around its whole middleware stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from traceback import walk_tb
from typing import Any, Unpack

from .asgi import (
    SCOPE_KEY,
    ASGIApp,
    ErrorShapeMiddleware,
    Message,
    Receive,
    Scope,
    Send,
    request_in,
)
from .core.exceptions import APIError, ValidationError
from .core.http import ErrorResponse
from .core.layer import ErrorLayer
from .core.options import Options
from .core.translation import is_disconnect, only_leaf
from .core.versions import is_older

_ADVICE = "errorshape.starlette needs Starlette 1.0 or newer: pip install 'errorshape[starlette]'"

try:
    import starlette
    from starlette import formparsers
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.middleware import Middleware
    from starlette.requests import HTTPConnection
    from starlette.responses import Response
except ImportError as exc:
    raise ImportError(_ADVICE) from exc
if is_older(starlette.__version__, (1, 0)):
    raise ImportError(f"{_ADVICE} (this is {starlette.__version__})")

Handler = Callable[[Any, Exception], Any]

# Known by their names: who has one has imported it, and nobody else needs to.
_BASE_HTTP = "starlette.middleware.base.BaseHTTPMiddleware"
_CORS = "starlette.middleware.cors.CORSMiddleware"

# Starlette before 1.7 lets out what its parser of forms says of a malformed one; there is none
# without python-multipart.
_parser = getattr(formparsers, "multipart", None)
_MALFORMED: tuple[type[Exception], ...] = (
    () if _parser is None else (_parser.exceptions.FormParserError,)
)


def init_app(app: Starlette, layer: ErrorLayer | None = None, **options: Unpack[Options]) -> None:
    """Shape every error of a Starlette application and of those of its kind mounted in it.

    Takes the options of :class:`~errorshape.ErrorLayer`, or a layer made before; raises what the
    layer raises, and :exc:`RuntimeError` if the application has served a request already. May come
    before or after routes, middlewares and exception handlers; the application's own handlers come
    first. The layer is then ``app.state.errorshape``. A second call changes nothing.
    """
    if installed(app):
        return
    if app.middleware_stack is not None:
        raise RuntimeError("Call init_app() before the application serves its first request.")
    layer = ErrorLayer.of(layer, options)
    _register(app, layer)
    build = app.build_middleware_stack

    def build_wrapped() -> ErrorShapeMiddleware:
        _adopt(app.routes, layer)
        return ErrorShapeMiddleware(build(), layer)

    # The wrap belongs around ServerErrorMiddleware, which raises what it has answered, and around
    # every middleware, also those that are still to be added: only this method knows where that is.
    app.build_middleware_stack = build_wrapped  # type: ignore[method-assign]


def installed(app: Starlette) -> bool:
    """Whether an application has its layer already."""
    return getattr(app.state, "errorshape", None) is not None


def _register(app: Starlette, layer: ErrorLayer) -> None:
    app.state.errorshape = layer
    handlers = app.exception_handlers
    handle = _Handler(layer)
    for cls, handler in list(handlers.items()):
        if getattr(handler, "__module__", "").startswith("fastapi."):  # FastAPI's own defaults
            handle.defaults[cls] = handler
            handlers[cls] = handle.__call__
    for cls in (HTTPException, APIError, ExceptionGroup, *_MALFORMED, *layer.translations):
        if cls is not Exception:
            handlers.setdefault(cls, handle.__call__)
    if not handlers.keys() & {500, Exception}:
        handlers[Exception] = _LastHandler(app, layer).__call__
    build = app.build_middleware_stack

    def build_watched() -> ASGIApp:
        own = app.user_middleware
        if any(_is(middleware, _BASE_HTTP) for middleware in own):
            app.user_middleware = [Middleware(_Outside), *own, Middleware(_Inside)]
        try:
            return build()
        finally:
            app.user_middleware = own

    app.build_middleware_stack = build_watched  # type: ignore[method-assign]


def _adopt(routes: Iterable[Any], layer: ErrorLayer) -> None:
    """Give the layer to all applications mounted below, which have handlers of their own."""
    for app in _mounted(routes):
        if not installed(app):
            _register(app, layer)
            app.middleware_stack = None  # made anew, with the handlers
        _adopt(app.routes, layer)


def _mounted(routes: Iterable[Any]) -> Iterator[Starlette]:
    for route in routes:
        app = getattr(route, "app", None)
        while app is not None and not isinstance(app, Starlette):
            app = getattr(app, "app", None)  # middlewares of the mount alone
        if app is not None:
            yield app
        elif nested := getattr(route, "routes", None):
            yield from _mounted(nested)


class _Handler:
    """The exception handler of what the layer expects."""

    def __init__(self, layer: ErrorLayer) -> None:
        self._layer = layer
        self.defaults: dict[Any, Handler] = {}

    async def __call__(self, connection: HTTPConnection, exc: Exception) -> Response:
        scope = connection.scope
        layer = self._layer
        if scope["type"] != "http":
            raise exc  # the wrap can refuse a WebSocket, and close one
        request = request_in(scope)
        error = layer.translate(exc)
        if error is None and isinstance(exc, _MALFORMED) and _is_of_the_request(exc):
            error = ValidationError()
            error.__cause__ = exc
            exc = error
        if error is None or not layer.replaces(request):
            if (default := self._default(exc)) is not None:
                layer.report(exc, error=error, request=request)
                response: Response = await default(connection, exc)
                return response
            if error is None and not isinstance(exc, HTTPException):
                raise exc  # a group of several
        return _response(layer.answer(exc, error=error, request=request), scope)

    def _default(self, exc: Exception) -> Handler | None:
        return next((self.defaults[cls] for cls in type(exc).__mro__ if cls in self.defaults), None)


def _is_of_the_request(exc: Exception) -> bool:
    """Whether it was Starlette that parsed, and not the application, what it got elsewhere."""
    frames = walk_tb(exc.__traceback__)
    return any(frame.f_globals.get("__name__") == "starlette.formparsers" for frame, _ in frames)


class _LastHandler:
    """The handler of ServerErrorMiddleware, for what has passed all others and all middlewares."""

    def __init__(self, app: Starlette, layer: ErrorLayer) -> None:
        self._app = app
        self._layer = layer

    async def __call__(self, connection: HTTPConnection, exc: Exception) -> Response:
        if is_disconnect(exc):
            raise exc  # the wrap knows whether it is so
        # What is called is only its __call__, and only if no response has begun.
        return _Answer(self._app, self._layer, exc)  # type: ignore[return-value]


class _Answer:
    """The response to what nobody has handled, with the CORS headers of the application's own."""

    def __init__(self, app: Starlette, layer: ErrorLayer, exc: Exception) -> None:
        self._app = app
        self._layer = layer
        self._exc = exc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = request_in(scope)
        response: Any = _response(self._layer.answer(self._exc, request=request), scope)
        for middleware in reversed(self._app.user_middleware):
            # The exception has passed it by: it sees this response instead.
            if _is(middleware, _CORS):
                response = middleware.cls(response, *middleware.args, **middleware.kwargs)
        await response(scope, receive, send)
        scope.get(SCOPE_KEY, {})["answered"] = only_leaf(self._exc)


# --- BaseHTTPMiddleware ---------------------------------------------------------------------------

# It runs the application in a task, and when a response fails there in its middle it sends the end
# of that response first and raises afterwards: the client takes half of it for all. Where such a
# middleware is there, one around it and one inside it see to it that the failure comes first.
_FAILURES = "errorshape.starlette.failures"


class _Outside:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        failures: list[Exception] = scope.setdefault(_FAILURES, [])

        async def send_unless_failed(message: Message) -> None:
            if failures:
                raise failures.pop()
            await send(message)

        await self._app(scope, receive, send_unless_failed)


class _Inside:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_and_see(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_see)
        except Exception as exc:
            if started:  # else it is BaseHTTPMiddleware's, whose dispatch may handle it
                scope[_FAILURES].append(exc)
            raise


def _is(middleware: Middleware, name: str) -> bool:
    """Whether a middleware's class, or one that it is made of, has this name."""
    bases = middleware.cls.__mro__ if isinstance(middleware.cls, type) else ()
    return any(f"{base.__module__}.{base.__qualname__}" == name for base in bases)


def _response(answer: ErrorResponse, scope: Scope) -> Response:
    # There is no wrap around a mounted application that is served by itself.
    scope.get(SCOPE_KEY, {})["body"] = answer.body
    response = _Shaped(b"" if scope.get("method") == "HEAD" else answer.body, answer.status)
    response.raw_headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
    ]
    return response


class _Shaped(Response):
    """An answer of the layer's, whose headers are complete: Starlette has none to add."""

    def init_headers(self, headers: Any = None) -> None:
        """Leave the headers to come."""
        self.raw_headers = []
