"""APIFlask: ``document(app, CATALOG)``, and its OpenAPI document tells the truth about errors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ...core.catalog import STANDARD, Catalog
from . import complete

try:
    from apiflask import APIFlask
except ImportError as exc:
    raise ImportError(
        "errorshape.contract.openapi.apiflask needs APIFlask 2.4 or newer: pip install apiflask"
    ) from exc


def document(
    app: APIFlask, catalog: Catalog = STANDARD, *, trace_header: str = "X-Request-Id"
) -> None:
    """Complete the document that ``app`` makes, after the application's own spec processor."""
    before = app.spec_callback

    @app.spec_processor
    def process(spec: Any) -> Any:
        if before is not None:
            spec = before(spec)
        if isinstance(spec, dict):
            return complete(spec, catalog, trace_header=trace_header)
        # With SPEC_PROCESSOR_PASS_OBJECT, APIFlask wants an object back, for its to_dict().
        made = complete(spec.to_dict(), catalog, trace_header=trace_header)
        return SimpleNamespace(to_dict=lambda: made)
