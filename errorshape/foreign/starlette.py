"""Starlette's HTTPException, and FastAPI's, which is a subclass."""

from __future__ import annotations

from typing import Any

from ..core.catalog import Catalog
from ..core.exceptions import APIError
from ..core.http import ErrorResponse
from . import http_error


def translate(exc: Any, catalog: Catalog) -> APIError | None:
    """Return the APIError of an HTTP exception, None for what is no error (a redirect)."""
    return http_error(exc, catalog, detail=exc.detail, headers=exc.headers)


def render(exc: Any) -> ErrorResponse:
    """Return the response that Starlette makes of the exception: its text."""
    headers = [(str(name), str(value)) for name, value in (exc.headers or {}).items()]
    if exc.status_code in (204, 304):
        return ErrorResponse(exc.status_code, headers, b"")
    body = str(exc.detail).encode()
    headers += [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
    ]
    return ErrorResponse(exc.status_code, headers, body)
