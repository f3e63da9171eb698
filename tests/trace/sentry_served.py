"""Serve applications that Sentry watches, and print what it sends.

``python -m tests.trace.sentry_served SERVER``, with one thread where the server has threads.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
from sentry_sdk.integrations.asyncio import AsyncioIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware
from sentry_sdk.transport import Transport

from errorshape import asgi, sentry, wsgi
from tests.trace.serving import run_on_gunicorn

pool = ThreadPoolExecutor(1)


class Printing(Transport):
    def capture_envelope(self, envelope: Any) -> None:
        if (event := envelope.get_event()) is not None:
            message = (event.get("logentry") or event)["message"]
            line = json.dumps([message, event.get("tags", {}).get("trace_id")])
            sys.stdout.write(f"event {line}\n")
            sys.stdout.flush()


def send_all() -> None:
    """Send events from here, from a new thread and from one that serves every request."""
    sentry_sdk.capture_message("here")
    thread = Thread(target=sentry_sdk.capture_message, args=("thread",))
    thread.start()
    thread.join()
    pool.submit(sentry_sdk.capture_message, "pool").result()


def raw_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    send_all()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


async def raw_asgi(scope: Any, receive: Any, send: Any) -> None:
    send_all()
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


ON_WSGI: dict[str, Any] = {
    "/inside": wsgi.ErrorShapeMiddleware(SentryWsgiMiddleware(raw_wsgi)),
    "/outside": SentryWsgiMiddleware(wsgi.ErrorShapeMiddleware(raw_wsgi)),
    "/neither": wsgi.ErrorShapeMiddleware(raw_wsgi),
}
ON_ASGI: dict[str, Any] = {
    "/inside": asgi.ErrorShapeMiddleware(SentryAsgiMiddleware(raw_asgi)),
    "/outside": SentryAsgiMiddleware(asgi.ErrorShapeMiddleware(raw_asgi)),
    "/neither": asgi.ErrorShapeMiddleware(raw_asgi),
}


def on_wsgi(environ: Any, start_response: Any) -> Any:
    sentry_sdk.capture_message("before")
    return ON_WSGI[environ["PATH_INFO"]](environ, start_response)


async def on_asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":  # and no lifespan
        sentry_sdk.capture_message("before")
        await ON_ASGI[scope["path"]](scope, receive, send)


def main(server: str) -> None:
    """Serve until the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write("serving http://{}:{}\n".format(*listener.getsockname()))
    sys.stdout.flush()
    logging.basicConfig(level=logging.INFO)
    sentry_sdk.init(
        dsn="http://key@127.0.0.1:1/1",
        transport=Printing,
        auto_enabling_integrations=False,
        integrations=[
            # What a server has to say between requests is an event.
            LoggingIntegration(event_level=logging.INFO),
            # Each task has a scope of its own, be it one request's or a whole connection's.
            AsyncioIntegration(),
            sentry.ErrorShapeIntegration(),
        ],
    )
    {"uvicorn": _uvicorn, "hypercorn": _hypercorn, "waitress": _waitress, "gunicorn": _gunicorn}[
        server
    ](listener)


def _uvicorn(listener: socket.socket) -> None:
    import uvicorn

    uvicorn.Server(uvicorn.Config(on_asgi, log_config=None)).run(sockets=[listener])


def _hypercorn(listener: socket.socket) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.accesslog = config.errorlog = logging.getLogger("hypercorn")
    asyncio.run(serve(on_asgi, config))


def _waitress(listener: socket.socket) -> None:
    import waitress

    waitress.create_server(on_wsgi, sockets=[listener], threads=1).run()


def _gunicorn(listener: socket.socket) -> None:
    run_on_gunicorn(lambda: on_wsgi, listener, worker_class="gthread", keepalive=5)


if __name__ == "__main__":
    main(*sys.argv[1:])
