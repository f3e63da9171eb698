"""Litestar's HTTP exceptions, those of request validation among them."""

from __future__ import annotations

from typing import Any

import msgspec

from ..core.catalog import Catalog
from ..core.details import details_of
from ..core.exceptions import APIError, ValidationError
from ..core.http import ErrorResponse
from . import http_error

_VALIDATION = "litestar.exceptions.http_exceptions.ValidationException"
_MALFORMED = "litestar.exceptions.base_exceptions.SerializationException"


def translate(exc: Any, catalog: Catalog) -> APIError | None:
    """Return the APIError of an HTTP exception, None for what is no error.

    A ``ValidationException`` is a ``validation_error``: its ``extra`` has the fields, and its own
    message, which repeats the request's URL, stays here. So is what Litestar makes of a body that
    cannot be decoded, with what the decoder said.
    """
    if any(_is(cls, _VALIDATION) for cls in type(exc).__mro__):
        error = ValidationError(details=details_of(exc), headers=exc.headers)
        error.__cause__ = exc.__cause__
        return error
    cause = exc.__cause__
    if exc.status_code == 400 and _is(type(cause), _MALFORMED) and cause.__cause__ is not None:
        error = ValidationError(details=details_of(cause.__cause__), headers=exc.headers)
        error.__cause__ = cause
        return error
    return http_error(exc, catalog, detail=exc.detail, headers=exc.headers)


def _is(cls: type, name: str) -> bool:
    return f"{cls.__module__}.{cls.__qualname__}" == name


def render(exc: Any) -> ErrorResponse:
    """Return the response that Litestar makes of the exception."""
    detail = exc.detail if exc.status_code != 500 else "Internal Server Error"
    content = {"status_code": exc.status_code, "detail": detail}
    if exc.extra is not None and exc.status_code < 500:
        content["extra"] = exc.extra
    body = msgspec.json.encode(content, enc_hook=str)
    headers = [(str(name), str(value)) for name, value in (exc.headers or {}).items()]
    headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return ErrorResponse(exc.status_code, headers, body)
