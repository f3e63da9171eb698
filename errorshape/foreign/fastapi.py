"""FastAPI's request-validation errors, of HTTP and of WebSockets."""

from __future__ import annotations

from typing import Any

import msgspec

from ..core.catalog import Catalog
from ..core.details import details_of
from ..core.exceptions import APIError, ValidationError
from ..core.http import ErrorResponse


def translate(exc: Any, catalog: Catalog) -> APIError:
    """Return the ``validation_error`` with the dot-path of every field."""
    error = ValidationError(details=details_of(exc))
    error.__cause__ = exc.__cause__
    return error


def render(exc: Any) -> ErrorResponse:
    """Return the response that FastAPI makes of it, without what was submitted."""
    told = [{key: str(error[key]) for key in ("type", "msg")} for error in exc.errors()]
    body = msgspec.json.encode({"detail": told})
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return ErrorResponse(422, headers, body)
