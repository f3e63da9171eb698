"""The raw stacks, as servers import applications, with three routes that only real wires need."""

import asyncio

from errorshape.asgi import ErrorShapeMiddleware as ASGIMiddleware
from errorshape.wsgi import ErrorShapeMiddleware as WSGIMiddleware
from tests.stacks import raw_asgi, raw_wsgi
from tests.stacks.script import OPTIONS, SECRET

PIECE = b"x" * 65_536
PIECES = 64


def pieces(path):
    """Give more than any buffer between us and the client holds, and fail after it if asked to."""
    for _ in range(PIECES):
        yield PIECE
    if path == "/large-cut":
        raise RuntimeError(SECRET)


def wsgi_app(environ, start_response):
    """Serve ``/unread``, whose body nobody reads, ``/large`` and ``/large-cut``, and the script."""
    path = environ["PATH_INFO"]
    if path == "/unread":
        raise RuntimeError(SECRET)
    if path.startswith("/large"):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return pieces(path)
    return raw_wsgi.app(environ, start_response)


async def asgi_app(scope, receive, send):
    """Serve the same."""
    path = scope.get("path", "")
    if path == "/unread":
        raise RuntimeError(SECRET)
    if not path.startswith("/large"):
        await raw_asgi.app(scope, receive, send)
        return
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in pieces(path):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body"})


asgi = ASGIMiddleware(asgi_app, **OPTIONS)
wsgi = WSGIMiddleware(wsgi_app, **OPTIONS)
