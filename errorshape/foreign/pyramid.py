"""Pyramid's HTTP exceptions, which are responses as well, where no exception view sees them."""

from __future__ import annotations

from typing import Any

from ..core.catalog import Catalog
from ..core.exceptions import APIError
from ..core.http import ErrorResponse
from . import http_error


def translate(exc: Any, catalog: Catalog) -> APIError | None:
    """Return the APIError of an HTTP exception; its message is the detail, else the explanation."""
    detail = exc.detail or exc.explanation
    return http_error(exc, catalog, detail=detail, headers=[*exc.headers.items()])


def render(exc: Any) -> ErrorResponse:
    """Return the response that the exception is: a page."""
    environ = {"REQUEST_METHOD": "GET", "HTTP_ACCEPT": "text/html"}
    exc.prepare(environ)
    return ErrorResponse(exc.status_code, [*exc.headers.items()], exc.body)
