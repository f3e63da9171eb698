"""werkzeug's HTTP exceptions, wherever they are raised: Flask, raw WSGI, raw ASGI."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException

from .core.catalog import Catalog, class_for_status
from .core.details import is_validators
from .core.details.marshmallow import from_webargs
from .core.exceptions import APIError
from .core.http import ErrorResponse


def translate(exc: HTTPException, catalog: Catalog) -> APIError | None:
    """Return the APIError of an HTTP exception: its status, headers and, of a 4xx, its message.

    None for what is no error (a redirect), or is a response that the application has made.
    """
    if exc.response is not None or exc.code is None or exc.code < 400:
        return None
    if isinstance(data := getattr(exc, "data", None), dict):
        return _of_webargs(exc, exc.code, data, catalog)
    error = class_for_status(exc.code, catalog)(
        exc.description if exc.code < 500 else None,
        headers=[(str(name), str(value)) for name, value in exc.get_headers()],
    )
    error.status = exc.code
    # get_headers() leaves out a retry_after of 0.
    error.retry_after = getattr(exc, "retry_after", None)  # type: ignore[attr-defined]
    error.__cause__ = exc.__cause__
    return error


def _of_webargs(
    exc: HTTPException, status: int, data: dict[str, Any], catalog: Catalog
) -> APIError:
    """Return the APIError of an ``abort`` of webargs', flask-smorest's or Flask-RESTful's.

    They put what they were given into ``data``. What webargs' parser refuses is
    ``validation_error`` whatever status it has; a 422 of the application's stays one.
    """
    refused = getattr(exc, "exc", None)
    message = data.get("message") or exc.description
    if isinstance(refused, Exception) and is_validators(refused):
        status, message = 400, data.get("message")
    messages = data.get("errors") or data.get("messages")
    error = class_for_status(status, catalog)(
        message if status < 500 else None,
        details=from_webargs(messages, getattr(refused, "data", None)) if messages else None,
        headers=[
            (str(name), str(value))
            for name, value in (*exc.get_headers(), *dict(data.get("headers") or {}).items())
        ],
    )
    error.status = status
    error.__cause__ = refused if isinstance(refused, Exception) else exc.__cause__
    return error


def render(exc: HTTPException) -> ErrorResponse:
    """Return the response that the exception itself stands for."""
    response: Any = exc.get_response()
    return ErrorResponse(response.status_code, list(response.headers.items()), response.get_data())
