"""OpenAPI 3.1 (and 3.0) from a catalogue: components, responses, and documents made complete.

Everything is made from the structs that go over the wire. A document is a ``dict`` as JSON has it.
The one line for a framework is in the module of its name: ``errorshape.contract.openapi.fastapi``
and so on; all of them call :func:`complete`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ...core import body as wire
from ...core.catalog import STANDARD, Catalog, status_name
from ...core.exceptions import APIError
from ...core.headers import PROBLEM
from ...core.problem import Problem
from ..reference import description, headers_of, status_of

#: Of the body, and of what is under its key ``error``.
ENVELOPE, ERROR = "ErrorEnvelope", "ErrorObject"
#: Of the other form (RFC 9457).
PROBLEM_DETAILS = "ProblemDetails"
#: Of the headers, in the components.
TRACE_ID, WWW_AUTHENTICATE, ALLOW, RETRY_AFTER = "TraceId", "WWWAuthenticate", "Allow", "RetryAfter"

_HEADER_COMPONENT = {
    "WWW-Authenticate": WWW_AUTHENTICATE,
    "Allow": ALLOW,
    "Retry-After": RETRY_AFTER,
}
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

Object = dict[str, Any]


def components(catalog: Catalog = STANDARD, *, problem_json: object = False) -> dict[str, Object]:
    """Return the ``components`` of a document: ``schemas``, ``headers`` and ``responses``.

    There is a response for each entry of the catalogue, under its code, and one for any error,
    under ``error``. ``problem_json`` is the layer's: whether they have RFC 9457's form as well.
    """
    responses = {
        **{cls.code: _response([cls], status_of(cls)) for cls in catalog},
        "error": _response([], "default"),
    }
    schemas = _schemas()
    if problem_json:
        _offer_problems(responses)
        schemas[PROBLEM_DETAILS] = _problem_schema()
    return {"schemas": schemas, "headers": _headers(), "responses": responses}


def responses(*classes: type[APIError], trace_header: str = "X-Request-Id") -> dict[str, Object]:
    """Return the ``responses`` of an operation that can fail with ``classes``, by status.

    They refer to :func:`components`, which has to be in the same document; classes of one status
    share a response. :class:`~errorshape.ClientError` and :class:`~errorshape.ServerError`, which
    keep the status that they meet, stand under ``4XX`` and ``5XX``. Raises :exc:`TypeError` or
    :exc:`ValueError` for what could not be in a catalogue.
    """
    by_status: dict[str, list[type[APIError]]] = {}
    for cls in Catalog(*classes):
        by_status.setdefault(status_of(cls).upper(), []).append(cls)
    return {status: _response(group, status, trace_header) for status, group in by_status.items()}


def complete(
    document: Object,
    catalog: Catalog = STANDARD,
    *,
    trace_header: str = "X-Request-Id",
    problem_json: object = False,
) -> Object:
    """Complete an OpenAPI document in place, and return it: all that can be answered is in it.

    The components are added. Each operation gets the contract's 400 if it takes input, in place of
    the framework's own response to invalid input (FastAPI's 422), and a ``default`` for any other
    error; an error response without a body, or with the framework's, gets the shape. Every response
    gets the trace id's header. What the application has documented by itself stays. With
    ``problem_json`` (the layer's) each shaped response has RFC 9457's form, too. Doing it again
    changes nothing. Raises :exc:`TypeError` for what is no OpenAPI document of version 3.
    """
    if not (isinstance(document, dict) and str(document.get("openapi", "")).startswith("3.")):
        raise TypeError(
            "This is no OpenAPI document of version 3: it has no openapi: 3.x at its top."
        )
    parts = document.setdefault("components", {})
    for kind, made in components(catalog, problem_json=problem_json).items():
        if kind == "responses":  # by the dozen: only those that the document refers to
            text = json.dumps(document, default=str)
            made = {name: it for name, it in made.items() if _refers(text, kind, name)}
        if made:
            parts[kind] = {**(parts.get(kind) or {}), **made}
    for operation in operations_of(document):
        complete_operation(operation, catalog, trace_header=trace_header, problem_json=problem_json)
    for response in (parts.get("responses") or {}).values():
        _identify(response, trace_header)
    _drop_unused(document)
    return document


def complete_operation(
    operation: Object,
    catalog: Catalog = STANDARD,
    *,
    trace_header: str = "X-Request-Id",
    problem_json: object = False,
) -> None:
    """Complete one operation in place, as :func:`complete` does with all of a document's."""
    documented: dict[Any, Any] = operation.get("responses") or {}
    kept: dict[str, Any] = {}
    for status, response in documented.items():
        status = str(getattr(status, "value", status))  # some frameworks have http.HTTPStatus here
        if _is_error(status) and is_frameworks(response):
            if status == "422":
                continue  # invalid input: the contract's 400 is in its place, below
            given = response.get("description") if isinstance(response, Mapping) else None
            response = _shaped(catalog, status, trace_header, None if status == "400" else given)
        elif _is_error(status) and isinstance(response, dict) and not _has_body(response):
            response = _shaped(catalog, status, trace_header, response.get("description"))
        kept[status] = _identify(response, trace_header)
    if "400" not in kept and (operation.get("parameters") or operation.get("requestBody")):
        kept["400"] = _shaped(catalog, "400", trace_header)
    kept.setdefault("default", _shaped(catalog, "default", trace_header))
    if problem_json:
        _offer_problems(kept)
    operation["responses"] = kept


def operations_of(document: Object) -> Iterator[Object]:
    """Yield the operations of a document."""
    for item in (document.get("paths") or {}).values():
        for method in _METHODS:
            if isinstance(item, dict) and isinstance(item.get(method), dict):
                yield item[method]


# --- what is ours --------------------------------------------------------------------------------


def _schemas() -> dict[str, Object]:
    _, made = msgspec.json.schema_components(
        [wire.Envelope], ref_template="#/components/schemas/{name}"
    )
    envelope, error = made["Envelope"], made["Error"]
    # The structs' names are too common to be put beside an application's own.
    envelope["title"], error["title"] = ENVELOPE, ERROR
    envelope["properties"]["error"] = {"$ref": f"#/components/schemas/{ERROR}"}
    return {ENVELOPE: envelope, ERROR: error}


def _problem_schema() -> Object:
    _, made = msgspec.json.schema_components([Problem], ref_template="{name}")
    schema: Object = made["Problem"]
    schema["title"] = PROBLEM_DETAILS
    return schema


def _offer_problems(responses: Mapping[str, Any]) -> None:
    """Give the responses that have the envelope RFC 9457's media type as well."""
    for response in responses.values():
        content = (response.get("content") if isinstance(response, dict) else None) or {}
        schema = (content.get("application/json") or {}).get("schema") or {}
        offered: Object = {"$ref": f"#/components/schemas/{PROBLEM_DETAILS}"}
        envelope = {"$ref": f"#/components/schemas/{ENVELOPE}"}
        if schema == envelope:
            content[PROBLEM] = {"schema": offered}
        elif (schema.get("allOf") or [None])[0] == envelope:
            members = [part.get("properties", {}).get("error", {}) for part in schema["allOf"][1:]]
            content[PROBLEM] = {"schema": {"allOf": [offered, *members]}}


def _headers() -> dict[str, Object]:
    def header(text: str, **more: Any) -> Object:
        return {"description": text, "schema": {"type": "string"}, **more}

    return {
        TRACE_ID: header(
            "The id of the request: the same as the body's trace_id and as in the logs.",
            required=True,
        ),
        WWW_AUTHENTICATE: header("How to authenticate (RFC 9110 §11.6.1).", required=True),
        ALLOW: header("The methods that the resource supports (RFC 9110 §10.2.1)."),
        RETRY_AFTER: header(
            "When to try again: seconds, or a date (RFC 9110 §10.2.3).", required=True
        ),
    }


def _response(
    classes: Iterable[type[APIError]],
    status: str,
    trace_header: str = "X-Request-Id",
    text: str | None = None,
) -> Object:
    """Return a response: with any of ``classes``, or any error at all if there is none."""
    classes = list(classes)
    schema: Object = {"$ref": f"#/components/schemas/{ENVELOPE}"}
    if classes:
        codes = {"type": "string", "enum": [cls.code for cls in classes]}
        error = {"type": "object", "properties": {"code": codes}}
        schema = {"allOf": [schema, {"type": "object", "properties": {"error": error}}]}
    content: Object = {"schema": schema}
    if classes:
        content["examples"] = {cls.code: {"value": _example(cls)} for cls in classes}
    headers = headers_of(int(status)) if status.isdecimal() else []
    names = {trace_header: TRACE_ID, **{name: _HEADER_COMPONENT[name] for name in headers}}
    default = status_name(int(status)) if status.isdecimal() else "Any other error."
    return {
        "description": text or " ".join(map(description, classes)) or default or "Error.",
        "headers": {name: {"$ref": f"#/components/headers/{key}"} for name, key in names.items()},
        "content": {"application/json": content},
    }


def _example(cls: type[APIError]) -> Object:
    trace_id = "7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c"
    example: Object = json.loads(wire.encode(cls.code, str(cls.message), trace_id, None))
    return example


def _shaped(catalog: Catalog, status: str, trace_header: str, text: str | None = None) -> Object:
    """Return the response of a status as the catalogue has it."""
    classes = [cls for cls in catalog if status_of(cls) == status]
    return _response(classes, status, trace_header, text)


# --- what is others' -----------------------------------------------------------------------------

# What frameworks document as their own errors, by the names of their schemas.
_FRAMEWORKS = {
    "#/components/schemas/HTTPValidationError",  # FastAPI
    "#/components/schemas/ValidationError",  # APIFlask
    "#/components/schemas/HTTPError",  # APIFlask
    "#/components/schemas/Error",  # flask-smorest
}
# flask-smorest has a response for each status, under the name that http.HTTPStatus has for it (two
# of them have changed with Python 3.13); nobody else's are in capitals.
_FRAMEWORKS_NAME = re.compile(r"(?:#/components/responses/)?[A-Z][A-Z_]+").fullmatch
# Which of those definitions go when nothing refers to them any more; FastAPI's HTTPValidationError
# is made of its ValidationError.
_DEFINITIONS = (
    ("schemas", "HTTPValidationError"),
    ("schemas", "ValidationError"),
    ("schemas", "HTTPError"),
)
_LITESTARS = {"status_code", "detail", "extra"}


def is_frameworks(response: Any) -> bool:
    """Whether a response is what a framework documents for an error of its own."""
    if isinstance(response, str):  # apispec's short form
        return _FRAMEWORKS_NAME(response) is not None
    if not isinstance(response, Mapping):
        return False
    if "$ref" in response:
        return _FRAMEWORKS_NAME(response["$ref"]) is not None
    schemas = [
        media.get("schema") or {}
        for media in (response.get("content") or {}).values()
        if isinstance(media, Mapping)
    ]
    return bool(schemas) and all(map(_is_frameworks_schema, schemas))


def _is_frameworks_schema(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return False
    if schema.get("$ref") in _FRAMEWORKS:
        return True
    parts = schema.get("oneOf")  # Litestar's, where it can raise several of one status
    if parts:
        return all(map(_is_frameworks_schema, parts))
    return set(schema.get("properties") or ()) == _LITESTARS


def _is_error(status: str) -> bool:
    return status[:1] in ("4", "5") or status == "default"


def _has_body(response: Mapping[str, Any]) -> bool:
    return "$ref" in response or bool(response.get("content"))


def _identify(response: Any, trace_header: str) -> Any:
    """Add the trace id's header to a response that does not have it."""
    if isinstance(response, dict) and "$ref" not in response:
        headers = response.setdefault("headers", {})
        if not any(name.lower() == trace_header.lower() for name in headers):
            headers[trace_header] = {"$ref": f"#/components/headers/{TRACE_ID}"}
    return response


def _drop_unused(document: Object) -> None:
    for kind, name in _DEFINITIONS:
        there = document["components"].get(kind) or {}
        if name in there and not _refers(json.dumps(document, default=str), kind, name):
            del there[name]


def _refers(text: str, kind: str, name: str) -> bool:
    """Whether a document, as JSON, refers to one of its components."""
    return f'"#/components/{kind}/{name}"' in text


__all__ = ["complete", "complete_operation", "components", "responses"]
