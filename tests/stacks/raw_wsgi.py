"""The script as a raw WSGI application."""

from __future__ import annotations

import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from errorshape.wsgi import ErrorShapeMiddleware
from tests.stacks import raw, script
from tests.stacks.raw import HOOKS, NATIVE, message_of

__all__ = ["HOOKS", "NATIVE", "app", "build", "message_of"]

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def build(**options: Any) -> Any:
    """Return the application inside the WSGI wrap."""
    return ErrorShapeMiddleware(app, **options)


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Serve one request."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    answer = raw.answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], body)
    if answer.pause:
        time.sleep(answer.pause)
        answer = answer.then()
    status = f"{answer.status} {_PHRASES.get(answer.status, 'Odd')}"
    start_response(status, raw.headers_of(answer))
    if environ["REQUEST_METHOD"] == "HEAD":
        return []
    return [answer.body] if answer.chunks is None else script.Chunks(answer.chunks)
