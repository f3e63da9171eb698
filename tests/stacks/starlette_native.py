"""Starlette's HTTP exceptions, which FastAPI raises too."""

from __future__ import annotations

import http.client
from typing import Any

from starlette.exceptions import HTTPException

from tests.stacks.script import HOUR

STATUSES = [*range(400, 407), *range(408, 419), 421, *range(422, 427), 428, 429, 431, 451]
STATUSES += range(500, 506)

#: kind → (what is raised, status, the headers that it must keep)
NATIVE: dict[str, Any] = {
    **{
        str(status): (lambda status=status: HTTPException(status), status, {})
        for status in STATUSES
    },
    "message": (lambda: HTTPException(409, "The name acme is taken."), 409, {}),
    "challenge": (
        lambda: HTTPException(401, headers={"WWW-Authenticate": 'Basic realm="the shop"'}),
        401,
        {"WWW-Authenticate": 'Basic realm="the shop"'},
    ),
    "allow": (
        lambda: HTTPException(405, headers={"Allow": "GET, PUT"}),
        405,
        {"Allow": "GET, PUT"},
    ),
    "retry-zero": (
        lambda: HTTPException(429, headers={"Retry-After": "0"}),
        429,
        {"Retry-After": "0"},
    ),
    "retry-date": (
        lambda: HTTPException(429, headers={"Retry-After": HOUR.http_date}),
        429,
        {"Retry-After": HOUR.http_date},
    ),
    "unavailable": (
        lambda: HTTPException(503, headers={"Retry-After": "120"}),
        503,
        {"Retry-After": "120"},
    ),
}


def message_of(kind: str) -> str | None:
    """The message that stays: Starlette's for 4xx; None where the catalogue's is sent."""
    status = NATIVE[kind][1]
    if status >= 500:
        return None
    return "The name acme is taken." if kind == "message" else http.client.responses.get(status)
