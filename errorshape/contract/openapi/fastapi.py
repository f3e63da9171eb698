"""FastAPI: ``document(app, CATALOG)``, and its OpenAPI document tells the truth about errors."""

from __future__ import annotations

from typing import Any

from ...core.catalog import STANDARD, Catalog
from . import complete

try:
    from fastapi import FastAPI
except ImportError as exc:
    raise ImportError(
        "errorshape.contract.openapi.fastapi needs FastAPI 0.133 or newer: pip install"
        " 'errorshape[fastapi]'"
    ) from exc


def document(
    app: FastAPI,
    catalog: Catalog = STANDARD,
    *,
    trace_header: str = "X-Request-Id",
    problem_json: object = False,
) -> None:
    """Complete the document that ``app`` makes: its 422 becomes the contract's 400.

    Replaces ``app.openapi``, FastAPI's own place for it; one that the application has replaced
    already is called first. ``problem_json`` is what the layer has.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        made_before = app.openapi_schema is not None
        schema = generate()
        if made_before:
            return schema
        return complete(schema, catalog, trace_header=trace_header, problem_json=problem_json)

    app.openapi = openapi  # type: ignore[method-assign]
