"""Django REST Framework's exceptions."""

from __future__ import annotations

from typing import Any

import msgspec

from ..core.catalog import Catalog, class_for_status
from ..core.details import details_of
from ..core.details.drf import from_detail
from ..core.exceptions import APIError
from ..core.http import ErrorResponse


def translate(exc: Any, catalog: Catalog) -> APIError | None:
    """Return the APIError of an ``APIException``: its status and, of a 4xx, its message.

    ``WWW-Authenticate`` is what the view's authenticators have put on it, ``Retry-After`` what its
    throttles have, 0 too, which DRF itself leaves out. A ``ValidationError`` is
    ``validation_error`` whatever its status. None for what is no error.
    """
    status, detail, details = exc.status_code, exc.detail, details_of(exc)
    if details is not None:
        status, detail = 400, None
    elif isinstance(detail, (dict, list)):
        detail, details = None, from_detail(detail)
    if status < 400:
        return None
    error = class_for_status(status, catalog)(
        str(detail) if detail and status < 500 else None,
        details=details if status < 500 else None,
        headers=_headers(exc) or None,  # an empty list would be looked through, at a high price
    )
    error.status = status
    error.retry_after = getattr(exc, "wait", None)  # type: ignore[attr-defined]
    error.__cause__ = exc.__cause__
    return error


def render(exc: Any) -> ErrorResponse:
    """Return the response that DRF makes of it where JSON is rendered."""
    detail = exc.detail if isinstance(exc.detail, (dict, list)) else {"detail": str(exc.detail)}
    body = msgspec.json.encode(detail, enc_hook=str)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if wait := getattr(exc, "wait", None):
        headers.append(("Retry-After", f"{wait:.0f}"))
    return ErrorResponse(exc.status_code, [*headers, *_headers(exc)], body)


def _headers(exc: Any) -> list[tuple[str, str]]:
    header = getattr(exc, "auth_header", None)
    return [("WWW-Authenticate", header)] if header else []
