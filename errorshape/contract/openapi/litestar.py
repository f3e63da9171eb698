"""Litestar: ``Litestar(..., plugins=[ErrorShapeOpenAPI(CATALOG)])``."""

from __future__ import annotations

import copy
from typing import Any

from ...core.catalog import STANDARD, Catalog
from . import complete

try:
    from litestar.config.app import AppConfig
    from litestar.openapi.config import OpenAPIConfig
    from litestar.openapi.spec import OpenAPI
    from litestar.plugins import InitPlugin
except ImportError as exc:
    raise ImportError(
        "errorshape.contract.openapi.litestar needs Litestar 2.15 or newer: pip install"
        " 'errorshape[litestar]'"
    ) from exc


class ErrorShapeOpenAPI(InitPlugin):
    """A plugin that completes the OpenAPI document of a Litestar application."""

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

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Have the configured document made as one that completes itself."""
        if app_config.openapi_config is not None:
            app_config.openapi_config = _completing(app_config.openapi_config, self)
        return app_config


def _completing(config: OpenAPIConfig, plugin: ErrorShapeOpenAPI) -> OpenAPIConfig:
    """Return a copy of the configuration, of a class that extends the configuration's own."""

    class Completing(type(config)):  # type: ignore[misc]
        def to_openapi_schema(self) -> OpenAPI:
            made: OpenAPI = super().to_openapi_schema()
            # Litestar adds the paths to this object and asks it for the document at the end.
            made.__class__ = _document_class(type(made), plugin)
            return made

    made = copy.copy(config)
    made.__class__ = Completing
    return made


def _document_class(cls: type[OpenAPI], plugin: ErrorShapeOpenAPI) -> Any:
    class Completed(cls):  # type: ignore[valid-type, misc]
        def to_schema(self) -> dict[str, Any]:
            schema: dict[str, Any] = super().to_schema()
            return complete(
                schema,
                plugin.catalog,
                trace_header=plugin.trace_header,
                problem_json=plugin.problem_json,
            )

    return Completed
