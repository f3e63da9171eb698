"""Read an OpenAPI file, or say in one sentence what is wrong with it."""

from __future__ import annotations

from typing import Any

import msgspec

from ...cli import CommandError, require
from ..loading import read_text


def load_document(path: str) -> dict[str, Any]:
    """Return the OpenAPI document in a JSON or YAML file.

    Raises :exc:`~errorshape.cli.CommandError`.
    """
    text = read_text(path)
    is_yaml = not path.endswith(".json") and not text.lstrip().startswith("{")
    try:
        if is_yaml:
            require("reading of YAML", "openapi", ["yaml"])
            document = msgspec.yaml.decode(text)
        else:
            document = msgspec.json.decode(text)
    except msgspec.DecodeError as exc:
        kind = "YAML" if is_yaml else "JSON"
        reason = " ".join(str(exc).split()).rstrip(".")
        raise CommandError(f"{path} is no valid {kind} ({reason}): mend it there.") from None
    if (
        isinstance(document, dict)
        and str(document.get("openapi", "")).startswith("3.")
        and isinstance(document.get("paths", {}), dict)
    ):
        return document
    raise CommandError(
        f"{path} is no OpenAPI document of version 3: it needs an object with openapi: 3.x and an"
        " object of paths."
    )
