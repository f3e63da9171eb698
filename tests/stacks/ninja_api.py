"""The script's views as operations of a Django Ninja API."""

from __future__ import annotations

import inspect
import re
from typing import Any

import ninja
from django.http import HttpResponse
from ninja.files import UploadedFile

import errorshape.ninja

api = ninja.NinjaAPI(openapi_url=None, urls_namespace="script")
errorshape.ninja.init_app(api)


@api.post("/upload")
def upload(
    request: Any, name: ninja.Form[str], count: ninja.Form[int], file: ninja.File[UploadedFile]
) -> Any:
    """Take what Ninja has parsed and validated."""
    return HttpResponse(file.name)


@api.post("/urlencoded")
def urlencoded(request: Any, name: ninja.Form[str]) -> Any:
    """Take a field of a form."""
    return HttpResponse(name)


def add_operation(pattern: str, function: Any, methods: list[str]) -> None:
    """Add the Django view ``function`` at Django's ``pattern``."""
    names = re.findall(r"<(\w+)>", pattern)

    def operation(request: Any, **arguments: str) -> Any:
        return function(request, **arguments)

    # Ninja looks at the signature to know what to pass.
    parameters = ["request", *names]
    operation.__signature__ = inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                annotation=Any if name == "request" else str,
            )
            for name in parameters
        ]
    )
    path = "/" + re.sub(r"<(\w+)>", r"{\1}", pattern)
    api.api_operation(methods, path, operation_id=f"{methods[0]} {path}")(operation)
