"""Where probes go: an application of this process, WSGI or ASGI, or the URL of any service."""

from __future__ import annotations

import asyncio
import http.client
import inspect
import io
import ssl
import threading
import urllib.parse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from ...cli import CommandError
from ..conformance import Answer
from ..loading import load

#: Bytes of a body that are read from a service.
MAX_READ = 1024 * 1024


class Sent(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class NoAnswerError(Exception):
    """There was no response to a request; the text says what there was."""


class Target(Protocol):
    """Answers requests."""

    name: str
    #: Whether what is asked may be somebody else's, so that probes are few and gentle.
    is_remote: bool

    def send(self, request: Sent) -> Answer:
        """Return the response; raises :exc:`NoAnswerError`."""
        ...

    def close(self) -> None:
        """Give back what it holds."""


def target_for(name: str, timeout: float) -> Target:
    """Return the target that ``name`` means: a URL, or ``package.module:app``.

    Raises :exc:`~errorshape.cli.CommandError`.
    """
    if name.partition("://")[0] in ("http", "https"):
        return URLTarget(name, timeout)
    if "://" in name:
        raise CommandError(f"{name} is no URL of HTTP: it begins with http:// or https://.")
    app = load(name, "application", "shop.app:app (or a URL like http://127.0.0.1:8000)")
    if not callable(app):
        kind = type(app).__name__
        raise CommandError(f"{name} is {kind!r}, no application: name a WSGI or ASGI callable.")
    return ASGITarget(name, app, timeout) if is_asgi(app) else WSGITarget(name, app)


def is_asgi(app: Any) -> bool:
    """Whether an application is ASGI's: a coroutine function, or of three arguments."""
    call = app if inspect.isroutine(app) or inspect.isclass(app) else type(app).__call__
    if inspect.iscoroutinefunction(inspect.unwrap(call)):
        return True
    try:
        wanted = [p for p in inspect.signature(app).parameters.values() if p.default is p.empty]
    except (TypeError, ValueError):
        return False
    return len(wanted) == 3 and all(p.kind is not p.VAR_POSITIONAL for p in wanted)


def send_all(target: Target, requests: Sequence[Sent], at_once: int) -> list[Answer | str]:
    """Return the answers, or why there is none, in their order; ``at_once`` are under way."""

    def send(request: Sent) -> Answer | str:
        try:
            return target.send(request)
        except NoAnswerError as exc:
            return str(exc)

    if at_once == 1 or len(requests) == 1:
        return [send(request) for request in requests]
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(send, requests))


class URLTarget:
    """A service at a URL, in any language; each request has a connection of its own."""

    is_remote = True

    def __init__(self, url: str, timeout: float) -> None:
        self.name = url
        self._timeout = timeout
        parts = urllib.parse.urlsplit(url)
        try:
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError as exc:
            raise CommandError(f"{url} is no valid URL ({exc}): correct it.") from None
        if not self._host:
            raise CommandError(f"{url} names no host: write it like http://127.0.0.1:8000.")
        self._secure = parts.scheme == "https"
        self._base = parts.path.rstrip("/")

    def reach(self) -> None:
        """Connect once; raises :exc:`~errorshape.cli.CommandError` if that fails."""
        connection = self._connection()
        try:
            connection.connect()
        except (OSError, UnicodeError) as exc:
            reason = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
            raise CommandError(
                f"{self.name} cannot be reached ({reason}): start the service, or correct the URL."
            ) from None
        finally:
            connection.close()

    def send(self, request: Sent) -> Answer:
        """Send a request over HTTP/1.1."""
        connection = self._connection()
        try:
            connection.putrequest(
                request.method, self._base + request.path, skip_accept_encoding=True
            )
            for name, value in request.headers:
                connection.putheader(name, value.encode("latin-1"))
            if request.body:
                connection.putheader("Content-Length", str(len(request.body)))
            connection.putheader("Connection", "close")
            connection.endheaders(request.body or None)
            response = connection.getresponse()
            headers, body = response.getheaders(), response.read(MAX_READ)
            return Answer(response.status, headers, body, request.method)
        except http.client.HTTPException as exc:
            raise NoAnswerError(f"the answer is no HTTP response ({type(exc).__name__})") from exc
        except OSError as exc:
            reason = exc.strerror or str(exc) or type(exc).__name__
            raise NoAnswerError(f"there is no response ({reason})") from exc
        finally:
            connection.close()

    def close(self) -> None:
        """Nothing is held."""

    def _connection(self) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=context
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)


class WSGITarget:
    """A WSGI application in this process (PEP 3333)."""

    is_remote = False

    def __init__(self, name: str, app: Any) -> None:
        self.name = name
        self._app = app

    def send(self, request: Sent) -> Answer:
        """Serve the request as a server does."""
        started: list[Any] = []

        def start_response(status: str, headers: list[Any], exc_info: Any = None) -> Any:
            started[:] = [int(status[:3]), list(headers)]
            return parts.append

        parts: list[bytes] = []
        try:
            iterable = self._app(_environ(request), start_response)
            try:
                parts.extend(iterable)
            finally:
                if hasattr(iterable, "close"):
                    iterable.close()
        except Exception as exc:
            raise NoAnswerError(_raised(exc)) from exc
        if not started:
            raise NoAnswerError("the application did not call start_response")
        return Answer(started[0], started[1], b"".join(parts), request.method)

    def close(self) -> None:
        """Nothing is held."""


class ASGITarget:
    """An ASGI application in this process, in an event loop of its own, its lifespan included."""

    is_remote = False

    def __init__(self, name: str, app: Any, timeout: float) -> None:
        self.name = name
        self._app = app
        self._timeout = timeout
        self._state: dict[str, Any] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._lifespan = asyncio.run_coroutine_threadsafe(self._live(), self._loop)
        try:
            said = self._ask("lifespan.startup")
        except TimeoutError:
            self._end()
            raise CommandError(
                f"{name} did not start up within {timeout:g} seconds: mend its lifespan, or allow"
                " it more with --timeout."
            ) from None
        if said["type"] == "lifespan.startup.failed":
            self._end()
            reason = said.get("message") or "it gives no reason"
            raise CommandError(f"{name} does not start up ({reason}): mend its lifespan.")

    def send(self, request: Sent) -> Answer:
        """Serve the request as a server does."""
        future = asyncio.run_coroutine_threadsafe(self._serve(request), self._loop)
        try:
            return future.result(self._timeout)
        except TimeoutError as exc:
            future.cancel()
            raise NoAnswerError(f"there is no response after {self._timeout:g} seconds") from exc

    def close(self) -> None:
        """Shut the application down, then the loop."""
        if not self._lifespan.done():
            with suppress(TimeoutError):
                self._ask("lifespan.shutdown")
        self._end()

    def _end(self) -> None:
        """End what is still running in the loop, and the loop."""
        with suppress(TimeoutError):  # of a task that does not let itself be cancelled
            asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result(self._timeout)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, request: Sent) -> Answer:
        over = asyncio.Event()
        to_receive = [{"type": "http.request", "body": request.body, "more_body": False}]
        start: dict[str, Any] = {}
        body: list[bytes] = []

        async def receive() -> dict[str, Any]:
            if to_receive:
                return to_receive.pop()
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.append(message.get("body", b""))
                if not message.get("more_body"):
                    over.set()

        try:
            await self._app({**_scope(request), "state": self._state.copy()}, receive, send)
        except Exception as exc:
            raise NoAnswerError(_raised(exc)) from exc
        if not start:
            raise NoAnswerError("the application ended without a response")
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in start.get("headers", ())]
        return Answer(start["status"], headers, b"".join(body), request.method)

    async def _live(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self._state}
        try:
            await self._app(scope, self._to_app.get, self._from_app.put)
        except Exception:
            pass  # an application without a lifespan raises (ASGI: lifespan, "Scope")
        finally:
            self._from_app.put_nowait({"type": "ended"})

    def _ask(self, event: str) -> dict[str, Any]:
        async def ask() -> dict[str, Any]:
            await self._to_app.put({"type": event})
            return await self._from_app.get()

        return asyncio.run_coroutine_threadsafe(ask(), self._loop).result(self._timeout)


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _raised(exc: Exception) -> str:
    return f"the application raised {type(exc).__name__} to its server"


def _environ(request: Sent) -> dict[str, Any]:
    path, _, query = request.path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        # PEP 3333: the decoded bytes, as latin-1.
        "PATH_INFO": urllib.parse.unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(request.body)) if request.body else "",
        "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value  # RFC 3875 §4.1.18
    return environ


def _scope(request: Sent) -> dict[str, Any]:
    path, _, query = request.path.partition("?")
    headers = [(b"host", b"localhost")]
    headers += [(k.lower().encode(), v.encode("latin-1")) for k, v in request.headers]
    if request.body:
        headers.append((b"content-length", str(len(request.body)).encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": urllib.parse.unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("localhost", 80),
        "extensions": {},
    }
