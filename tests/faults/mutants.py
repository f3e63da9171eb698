"""Layers with one deliberate fault each: what the sweeps must find.

Each mutant is a function from an application to the wrapped one. It spoils what the right layer
does from outside of it, or gives it a spoiled ``ErrorLayer``, so that no mutant depends on how the
wraps are written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import errorshape
from errorshape import asgi, wsgi
from errorshape.trace.context import current

ASGI: dict[str, Callable[[Any], Any]] = {}
WSGI: dict[str, Callable[[Any], Any]] = {}
WEBSOCKET: dict[str, Callable[[Any], Any]] = {}


def mutant(*registries: dict[str, Any]) -> Any:
    """Register the decorated function under its name."""

    def register(function: Any) -> Any:
        for registry in registries:
            registry[function.__name__] = function
        return function

    return register


# --- a spoiled layer, in both protocols -----------------------------------------------------------


def spoiled(cls: type[errorshape.ErrorLayer]) -> None:
    """Register both wraps with such a layer, under its name."""
    ASGI[cls.__name__] = lambda app: asgi.ErrorShapeMiddleware(app, layer=cls())
    WSGI[cls.__name__] = lambda app: wsgi.ErrorShapeMiddleware(app, layer=cls())


@spoiled
class TellsTheSecret(errorshape.ErrorLayer):
    def respond(self, exc: Any, **about: Any) -> Any:
        response = super().respond(exc, **about)
        response.headers.append(("X-Debug", str(exc)))
        return response


@spoiled
class TellsTheMessage(errorshape.ErrorLayer):
    def translate(self, exc: Any) -> Any:
        return super().translate(exc) or errorshape.InternalError(str(exc))


@spoiled
class LogsNothing(errorshape.ErrorLayer):
    def report(self, exc: Any, **about: Any) -> None:
        pass


@spoiled
class LogsTwice(errorshape.ErrorLayer):
    def report(self, exc: Any, **about: Any) -> None:
        super().report(exc, **about)
        super().report(exc, **about)


@spoiled
class LogsNothingLate(errorshape.ErrorLayer):
    def too_late(self, exc: Any, request: Any = None) -> None:
        pass


@spoiled
class LogsClientsThatAreGone(errorshape.ErrorLayer):
    def gone(self, exc: Any, request: Any = None) -> None:
        logging.getLogger("errorshape").error("gone")


@spoiled
class LogsErrorsOfClientsLoudly(errorshape.ErrorLayer):
    def report(self, exc: Any, **about: Any) -> None:
        logging.getLogger("errorshape").error("an error")


@spoiled
class ForgetsTheCode(errorshape.ErrorLayer):
    def translate(self, exc: Any) -> Any:
        return None


@spoiled
class MixesUpIds(errorshape.ErrorLayer):
    def respond(self, exc: Any, *, trace_id: Any = None, request: Any = None) -> Any:
        response = super().respond(exc, trace_id="another", request=request)
        response.headers[0] = (self.trace_header, trace_id)
        return response


@spoiled
class MayBeCached(errorshape.ErrorLayer):
    def respond(self, exc: Any, **about: Any) -> Any:
        response = super().respond(exc, **about)
        response.headers = [pair for pair in response.headers if pair[0] != "Cache-Control"]
        return response


@spoiled
class CountsWrongly(errorshape.ErrorLayer):
    def respond(self, exc: Any, **about: Any) -> Any:
        response = super().respond(exc, **about)
        response.body += b"\n"
        return response


@spoiled
class LosesHeaders(errorshape.ErrorLayer):
    def respond(self, exc: Any, **about: Any) -> Any:
        response = super().respond(exc, **about)
        response.headers = [pair for pair in response.headers if pair[0] != "Retry-After"]
        return response


@spoiled
class KeepsPages(errorshape.ErrorLayer):
    def reshape(self, *args: Any, **about: Any) -> Any:
        return None


@spoiled
class ReplacesJSON(errorshape.ErrorLayer):
    def __init__(self) -> None:
        super().__init__(reshape="all")


@spoiled
class IgnoresTheInboundId(errorshape.ErrorLayer):
    def __init__(self) -> None:
        super().__init__(trust_inbound=False)


# --- a spoiled ASGI wrap --------------------------------------------------------------------------


def _sending(change: Callable[[Any, Any], Iterator[Any]]) -> Callable[[Any], Any]:
    """Return a mutant that sends what ``change`` makes of each message of the right layer."""

    def wrap(app: Any) -> Any:
        right = asgi.ErrorShapeMiddleware(app)

        async def spoiled(scope: Any, receive: Any, send: Any) -> None:
            async def send_changed(message: Any) -> None:
                for changed in change(scope, message):
                    await send(changed)

            await right(scope, receive, send_changed)

        return spoiled

    return wrap


def _ids(message: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
    others = [pair for pair in message["headers"] if pair[0] != b"x-request-id"]
    ids = [pair for pair in message["headers"] if pair[0] == b"x-request-id"]
    return {**message, "headers": others + change(ids)}


def sending(change: Any) -> Any:
    """Register such a mutant."""
    ASGI[change.__name__] = _sending(change)
    return change


@sending
def names_no_id(scope: Any, message: Any) -> Iterator[Any]:
    is_start = message["type"] == "http.response.start"
    yield _ids(message, lambda ids: []) if is_start else message


@sending
def names_the_id_twice(scope: Any, message: Any) -> Iterator[Any]:
    is_start = message["type"] == "http.response.start"
    yield _ids(message, lambda ids: ids * 2) if is_start else message


@sending
def starts_twice(scope: Any, message: Any) -> Iterator[Any]:
    yield message
    if message["type"] == "http.response.start":
        yield message


@sending
def gives_head_a_body(scope: Any, message: Any) -> Iterator[Any]:
    is_body = message["type"] == "http.response.body"
    yield {**message, "body": b"body"} if is_body and scope["method"] == "HEAD" else message


@sending
def says_more_after_the_end(scope: Any, message: Any) -> Iterator[Any]:
    yield message
    if message["type"] == "http.response.body" and not message.get("more_body"):
        yield message


@sending
def drops_trailers(scope: Any, message: Any) -> Iterator[Any]:
    if message["type"] != "http.response.trailers":
        yield message


@sending
def drops_parts(scope: Any, message: Any) -> Iterator[Any]:
    if message.get("body") != b"two,":
        yield message


def _handling(handle: Callable[[Any, Any, BaseException], Any]) -> Callable[[Any], Any]:
    """Return a mutant that does something with what the right layer raises."""

    def wrap(app: Any) -> Any:
        right = asgi.ErrorShapeMiddleware(app)

        async def spoiled(scope: Any, receive: Any, send: Any) -> None:
            started = False

            async def noting(message: Any) -> None:
                nonlocal started
                await send(message)
                started = True

            try:
                await right(scope, receive, noting)
            except BaseException as exc:
                await handle(send, started, exc)

        return spoiled

    return wrap


def handling(handle: Any) -> Any:
    """Register such a mutant."""
    ASGI[handle.__name__] = WEBSOCKET[handle.__name__] = _handling(handle)
    return handle


@handling
async def appends_an_error(send: Any, started: bool, exc: BaseException) -> None:
    if started:
        await send({"type": "http.response.body", "body": b'{"error":{}}'})
    raise exc


@handling
async def completes_what_is_broken(send: Any, started: bool, exc: BaseException) -> None:
    if started:
        await send({"type": "http.response.body"})
    raise exc


@handling
async def swallows_what_is_broken(send: Any, started: bool, exc: BaseException) -> None:
    if not isinstance(exc, Exception):
        raise exc


@handling
async def swallows_cancellation(send: Any, started: bool, exc: BaseException) -> None:
    if isinstance(exc, Exception):
        raise exc


@handling
async def raises_another(send: Any, started: bool, exc: BaseException) -> None:
    raise RuntimeError from exc


@mutant(ASGI)
def answers_what_is_no_exception(app: Any) -> Any:
    async def turned(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except BaseException as exc:
            if isinstance(exc, Exception):
                raise
            raise RuntimeError from None

    return asgi.ErrorShapeMiddleware(turned)


@mutant(ASGI)
def raises_what_was_answered(app: Any) -> Any:
    failures: list[Exception] = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as exc:
            failures.append(exc)
            raise

    right = asgi.ErrorShapeMiddleware(noting)

    async def spoiled(scope: Any, receive: Any, send: Any) -> None:
        failures.clear()
        await right(scope, receive, send)
        for failure in failures:
            raise failure

    return spoiled


@mutant(ASGI, WEBSOCKET)
def loses_the_context(app: Any) -> Any:
    async def lost(scope: Any, receive: Any, send: Any) -> None:
        current.set(None)
        await app(scope, receive, send)

    return asgi.ErrorShapeMiddleware(lost)


@mutant(ASGI, WEBSOCKET)
def is_not_there(app: Any) -> Any:
    return app


@mutant(ASGI)
def holds_nothing_back(app: Any) -> Any:
    """As most middlewares do: catches, and answers whether the response has begun or not."""

    async def naive(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as exc:
            response = errorshape.ErrorLayer().answer(exc)
            headers = [(k.lower().encode(), v.encode()) for k, v in response.headers]
            await send(
                {"type": "http.response.start", "status": response.status, "headers": headers}
            )
            await send({"type": "http.response.body", "body": response.body})

    return naive


# --- a spoiled WebSocket --------------------------------------------------------------------------


@mutant(WEBSOCKET)
def closes_without_a_reason(app: Any) -> Any:
    right = asgi.ErrorShapeMiddleware(app)

    async def spoiled(scope: Any, receive: Any, send: Any) -> None:
        async def send_changed(message: Any) -> None:
            if message["type"] == "websocket.close":
                message = {"type": "websocket.close", "code": message.get("code", 1000)}
            await send(message)

        await right(scope, receive, send_changed)

    return spoiled


@mutant(WEBSOCKET)
def closes_twice(app: Any) -> Any:
    right = asgi.ErrorShapeMiddleware(app)

    async def spoiled(scope: Any, receive: Any, send: Any) -> None:
        async def send_changed(message: Any) -> None:
            await send(message)
            if message["type"] == "websocket.close":
                await send(message)

        await right(scope, receive, send_changed)

    return spoiled


# --- a spoiled WSGI wrap --------------------------------------------------------------------------


class _Body:
    """The right layer's body, handed on."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self.iterator = iter(body)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> bytes:
        chunk: bytes = next(self.iterator)
        return chunk

    def close(self) -> None:
        if hasattr(self.body, "close"):
            self.body.close()


def returning(cls: type[_Body]) -> type[_Body]:
    """Register the right layer with such a body around its own."""

    def wrap(app: Any) -> Any:
        right = wsgi.ErrorShapeMiddleware(app)
        return lambda environ, start_response: cls(right(environ, start_response))

    WSGI[cls.__name__.lstrip("_")] = wrap
    return cls


@returning
class _NeverCloses(_Body):
    def close(self) -> None:
        current.set(None)


@returning
class _LeavesTheContext(_Body):
    def close(self) -> None:
        trace = current.get()
        super().close()
        current.set(trace)


@returning
class _EndsWhatIsBroken(_Body):
    def __next__(self) -> bytes:
        try:
            return super().__next__()
        except RuntimeError:
            raise StopIteration from None


@returning
class _AppendsAnError(_Body):
    broken = False

    def __next__(self) -> bytes:
        if self.broken:
            raise StopIteration
        try:
            return super().__next__()
        except Exception:
            self.broken = True
            return b'{"error":{}}'


@returning
class _GivesHeadABody(_Body):
    given = False

    def __next__(self) -> bytes:
        try:
            return super().__next__()
        except StopIteration:
            if self.given:
                raise
            self.given = True
            return b"body"


@mutant(WSGI)
def closes_the_body_twice(app: Any) -> Any:
    def closing(environ: Any, start_response: Any) -> Any:
        body = app(environ, start_response)
        return _Twice(body) if hasattr(body, "close") else body

    return wsgi.ErrorShapeMiddleware(closing)


class _Twice(_Body):
    def close(self) -> None:
        super().close()
        super().close()


def starting(change: Callable[[Any, list[Any], tuple[Any, ...]], Any]) -> Any:
    """Register the right layer with a start_response that does this instead."""

    def wrap(app: Any) -> Any:
        right = wsgi.ErrorShapeMiddleware(app)

        def spoiled(environ: Any, start_response: Any) -> Any:
            def start(status: str, headers: list[Any], *exc_info: Any) -> Any:
                return change(start_response, [status, headers], exc_info)

            return right(environ, start)

        return spoiled

    WSGI[change.__name__] = wrap
    return change


@starting
def starts_the_server_twice(start: Any, head: list[Any], exc_info: Any) -> Any:
    start(*head, *exc_info)
    return start(*head, *exc_info)


@starting
def drops_the_id(start: Any, head: list[Any], exc_info: Any) -> Any:
    headers = [pair for pair in head[1] if pair[0] != "X-Request-Id"]
    return start(head[0], headers, *exc_info)


@starting
def keeps_the_old_length(start: Any, head: list[Any], exc_info: Any) -> Any:
    headers = [(k, "4" if k == "Content-Length" else v) for k, v in head[1]]
    return start(head[0], headers, *exc_info)


@mutant(WSGI)
def collects_the_whole_body(app: Any) -> Any:
    """Answers late failures as well, by holding everything back."""

    def collecting(environ: Any, start_response: Any) -> Any:
        body = app(environ, start_response)
        try:
            return list(body)
        finally:
            if hasattr(body, "close"):
                body.close()

    return wsgi.ErrorShapeMiddleware(collecting)


@mutant(WSGI)
def leaves_the_context_when_the_process_ends(app: Any) -> Any:
    right = wsgi.ErrorShapeMiddleware(app)

    def spoiled(environ: Any, start_response: Any) -> Any:
        try:
            return right(environ, start_response)
        except BaseException:
            current.set("left")
            raise

    return spoiled


@mutant(WSGI)
def answers_the_end_of_the_process(app: Any) -> Any:
    def turned(environ: Any, start_response: Any) -> Any:
        try:
            return app(environ, start_response)
        except BaseException as exc:
            if isinstance(exc, Exception):
                raise
            raise RuntimeError from None

    return wsgi.ErrorShapeMiddleware(turned)
