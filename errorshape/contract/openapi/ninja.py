"""Django Ninja: ``document(api)``, and its OpenAPI document tells the truth about errors."""

from __future__ import annotations

from typing import Any

from ...core.catalog import Catalog
from ...django.conf import layer_from_settings
from . import complete

try:
    from ninja import NinjaAPI
except ImportError as exc:
    raise ImportError(
        "errorshape.contract.openapi.ninja needs Django Ninja 1.4 or newer: pip install"
        " 'errorshape[ninja]'"
    ) from exc


def document(api: NinjaAPI, catalog: Catalog | None = None) -> None:
    """Complete the document that ``api`` makes, by default with the ``ERRORSHAPE`` catalogue.

    The setting is read when the document is made, so that the line may stand beside the API.
    """
    generate = api.get_openapi_schema

    def get_openapi_schema(**arguments: Any) -> Any:
        layer = layer_from_settings()
        schema = generate(**arguments)
        return complete(
            schema,
            catalog or layer.catalog,
            trace_header=layer.trace_header,
            problem_json=layer.problem_json,
        )

    # Ninja asks the instance; a subclass would have to be known before the API is made.
    api.get_openapi_schema = get_openapi_schema  # type: ignore[method-assign]
