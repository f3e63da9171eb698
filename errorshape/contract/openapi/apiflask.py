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
    app: APIFlask,
    catalog: Catalog = STANDARD,
    *,
    trace_header: str = "X-Request-Id",
    problem_json: object = False,
) -> None:
    """Complete the document that ``app`` makes, after the application's own spec processor.

    ``problem_json`` is what the layer has.
    """
    before = app.spec_callback

    @app.spec_processor
    def process(spec: Any) -> Any:
        if before is not None:
            spec = before(spec)
        if isinstance(spec, dict):
            return complete(spec, catalog, trace_header=trace_header, problem_json=problem_json)
        # With SPEC_PROCESSOR_PASS_OBJECT, APIFlask wants an object back, for its to_dict().
        made = complete(
            spec.to_dict(), catalog, trace_header=trace_header, problem_json=problem_json
        )
        return SimpleNamespace(to_dict=lambda: made)
