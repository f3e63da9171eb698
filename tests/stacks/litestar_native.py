"""Litestar's HTTP exceptions."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import exceptions
from litestar.exceptions import HTTPException

from tests.stacks.script import HOUR, SECRET

STATUSES = [*range(400, 407), *range(408, 419), 421, *range(422, 427), 428, 429, 431, 451]
STATUSES += range(500, 506)


def _http(status: int, detail: str = "", **headers: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: HTTPException(status_code=status, detail=detail, headers=given or None)


#: kind → (what is raised, status, the headers that it must keep)
NATIVE: dict[str, Any] = {
    **{str(status): (_http(status), status, {}) for status in STATUSES},
    "message": (_http(409, "The name acme is taken."), 409, {}),
    "challenge": (_http(401, WWW_Authenticate="Basic"), 401, {"WWW-Authenticate": "Basic"}),
    "allow": (_http(405, Allow="GET, PUT"), 405, {"Allow": "GET, PUT"}),
    "retry-zero": (_http(429, Retry_After="0"), 429, {"Retry-After": "0"}),
    "retry-date": (_http(429, Retry_After=HOUR.http_date), 429, {"Retry-After": HOUR.http_date}),
    "unavailable": (_http(503, Retry_After="120"), 503, {"Retry-After": "120"}),
    "not-found": (exceptions.NotFoundException, 404, {}),
    "not-authorized": (exceptions.NotAuthorizedException, 401, {}),
    "denied": (exceptions.PermissionDeniedException, 403, {}),
    "too-many": (exceptions.TooManyRequestsException, 429, {}),
    "misconfigured": (lambda: exceptions.ImproperlyConfiguredException(SECRET), 500, {}),
    "validation": (lambda: exceptions.ValidationException(SECRET), 400, {}),
}


def message_of(kind: str) -> str | None:
    """The message that stays: Litestar's for 4xx; None where the catalogue's is sent."""
    status = NATIVE[kind][1]
    if status >= 500 or kind == "validation":
        return None
    return "The name acme is taken." if kind == "message" else HTTPStatus(status).phrase
