"""Django Ninja's exceptions."""

from __future__ import annotations

from typing import Any

import msgspec

from ..core.catalog import Catalog, class_for_status
from ..core.details import details_of
from ..core.exceptions import APIError
from ..core.http import ErrorResponse
from . import http_error


def translate(exc: Any, catalog: Catalog) -> APIError | None:
    """Return the APIError of an ``HttpError``: its status and, of a 4xx, its message.

    A ``ValidationError``, which Ninja answers with 422, is ``validation_error``. None for what is
    no error.
    """
    if hasattr(exc, "errors"):
        error = class_for_status(400, catalog)(details=details_of(exc))
        error.__cause__ = exc.__cause__
        return error
    made = http_error(exc, catalog, detail=exc.message, headers=None)
    if made is not None:
        made.retry_after = getattr(exc, "wait", None)  # type: ignore[attr-defined]
    return made


def render(exc: Any) -> ErrorResponse:
    """Return the response that Ninja makes of it, of a ``ValidationError`` without ``ctx``."""
    if not hasattr(exc, "errors"):
        status: int = exc.status_code
        detail: Any = str(exc.message)
    else:
        status = 422
        detail = [{key: error.get(key) for key in ("type", "loc", "msg")} for error in exc.errors]
    body = msgspec.json.encode({"detail": detail}, enc_hook=str)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return ErrorResponse(status, headers, body)
