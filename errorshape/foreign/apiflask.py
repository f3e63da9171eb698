"""APIFlask's HTTPError, that of request validation among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..core.catalog import Catalog, class_for_status
from ..core.details import details_of
from ..core.details.marshmallow import from_webargs
from ..core.exceptions import APIError
from ..core.http import ErrorResponse
from . import http_error


def translate(exc: Any, catalog: Catalog) -> APIError | None:
    """Return the APIError of an ``HTTPError``: its status, headers, detail and, of a 4xx, message.

    What APIFlask raises for an invalid request is ``validation_error`` whatever status the
    application has configured for it.
    """
    if type(exc).__module__ == "apiflask.exceptions" and type(exc).__name__ == "_ValidationError":
        refused = exc.__cause__ or exc.__context__
        if hasattr(refused, "error_count"):  # pydantic's own error says more than the detail
            details = details_of(refused)
        else:
            details = from_webargs(exc.detail, getattr(refused, "data", None))
        error = class_for_status(400, catalog)(details=details, headers=exc.headers)
        error.__cause__ = refused
        return error
    made = http_error(exc, catalog, detail=exc.message, headers=exc.headers)
    if made is not None and exc.detail and made.status < 500:
        made.details = exc.detail if isinstance(exc.detail, Mapping) else {"$": exc.detail}
    return made


def render(exc: Any) -> ErrorResponse:
    """Return the response that APIFlask makes of it by itself."""
    content = {"detail": exc.detail, "message": exc.message, **exc.extra_data}
    body = msgspec.json.encode(content, enc_hook=str)
    headers = [(str(name), str(value)) for name, value in dict(exc.headers).items()]
    headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return ErrorResponse(exc.status_code, headers, body)
