"""The HTTP exceptions of frameworks that have an adapter here or need none.

They are understood by their attributes: no framework is imported, so that the wraps alone translate
them too, whatever the version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.catalog import Catalog, class_for_status
from ..core.exceptions import APIError
from ..core.language import is_lazy


def http_error(
    exc: Any, catalog: Catalog, *, detail: Any, headers: Any, status: int | None = None
) -> APIError | None:
    """Return the APIError of an HTTP exception: its status, headers and, of a 4xx, its message.

    A ``detail`` that is no text, as FastAPI allows, is the details. None for what is no error.
    """
    code: int = exc.status_code if status is None else status
    if code < 400:
        return None
    message = details = None
    if code < 500 and detail:
        if isinstance(detail, str) or is_lazy(detail):
            message = detail
        else:
            details = detail if isinstance(detail, Mapping) else {"$": detail}
    error = class_for_status(code, catalog)(message, details=details, headers=headers)
    error.status = code
    error.__cause__ = exc.__cause__
    return error
