"""Falcon's HTTP errors, where an error handler of the application has raised them on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.catalog import Catalog
from ..core.exceptions import APIError
from ..core.http import ErrorResponse
from . import http_error


def translate(exc: Any, catalog: Catalog) -> APIError | None:
    """Return the APIError of an HTTP error; its message is the description, else the title."""
    return http_error(exc, catalog, detail=exc.description or exc.title, headers=exc.headers)


def render(exc: Any) -> ErrorResponse:
    """Return the response that Falcon makes of the error by default."""
    given = exc.headers or ()
    headers = [*(given.items() if isinstance(given, Mapping) else given)]
    body: bytes = exc.to_json()
    headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return ErrorResponse(exc.status_code, headers, body)
