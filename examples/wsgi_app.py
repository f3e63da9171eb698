"""The connector service as a raw WSGI application, without a framework.

From this directory: ``waitress-serve --listen 127.0.0.1:8000 wsgi_app:app``
"""

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from errors import CATALOG
from errorshape.wsgi import ErrorShapeMiddleware
from router import handle

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(trace_id)s %(name)s: %(message)s")


def connectors(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Read one request, hand it to the router and send what that returns."""
    status, body = handle(
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"],
        environ.get("HTTP_AUTHORIZATION"),
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)),
    )
    start_response(
        f"{status} {HTTPStatus(status).phrase}",
        [("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
    )
    return [body]


app = ErrorShapeMiddleware(connectors, catalog=CATALOG)
