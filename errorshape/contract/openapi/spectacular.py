"""drf-spectacular: a hook, named in the settings, after those that are there.

SPECTACULAR_SETTINGS = {
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "errorshape.contract.openapi.spectacular.document",
    ],
}
"""

from __future__ import annotations

from typing import Any

from ...django.conf import layer_from_settings
from . import complete


def document(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Complete the document with the catalogue of the ``ERRORSHAPE`` setting."""
    layer = layer_from_settings()
    return complete(
        result,
        layer.catalog,
        trace_header=layer.trace_header,
        problem_json=layer.problem_json,
    )
