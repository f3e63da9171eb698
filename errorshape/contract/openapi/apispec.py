"""apispec and flask-smorest: a plugin.

``APISpec(..., plugins=[ErrorShapePlugin(CATALOG)])``; for flask-smorest
``Api(app, spec_kwargs={"extra_plugins": [ErrorShapePlugin(CATALOG)]})``.
"""

from __future__ import annotations

from typing import Any

from ...core.catalog import STANDARD, Catalog
from . import complete_operation, components

try:
    from apispec import APISpec, BasePlugin
except ImportError as exc:
    raise ImportError(
        "errorshape.contract.openapi.apispec needs apispec 6 or newer: pip install apispec"
    ) from exc


class ErrorShapePlugin(BasePlugin):
    """Adds the components to a spec and the contract's responses to each of its operations."""

    def __init__(
        self,
        catalog: Catalog = STANDARD,
        *,
        trace_header: str = "X-Request-Id",
        problem_json: object = False,
    ) -> None:
        self.catalog = catalog
        self.trace_header = trace_header
        self.problem_json = problem_json

    def init_spec(self, spec: APISpec) -> None:
        """Add the components."""
        parts = components(self.catalog, problem_json=self.problem_json)
        for name, schema in parts["schemas"].items():
            spec.components.schema(name, schema)
        for name, header in parts["headers"].items():
            spec.components.header(name, header)
        for name, response in parts["responses"].items():
            spec.components.response(name, response, lazy=True)  # only where it is referred to

    def operation_helper(
        self, path: str | None = None, operations: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Complete the operations of a path."""
        for operation in (operations or {}).values():
            complete_operation(
                operation,
                self.catalog,
                trace_header=self.trace_header,
                problem_json=self.problem_json,
            )
