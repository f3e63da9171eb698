"""What a catalogue says, as data: what every rendering of it is made from."""

from __future__ import annotations

import inspect
import re
from typing import Any

import msgspec

from ..core import body as wire
from ..core.catalog import STANDARD, Catalog, status_name
from ..core.exceptions import (
    APIError,
    ClientError,
    RateLimitedError,
    ServerError,
    ServiceUnavailableError,
)

#: Of the JSON form; a reader refuses a higher one.
FORMAT = 1

#: The codes of the standard catalogue that are not particular to an API.
FURTHER = frozenset(entry.code for entry in list(STANDARD)[10:])


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One error code, as its class describes it."""

    code: str
    #: ``404``, or ``4xx`` where the status of the response is kept.
    status: str
    name: str
    message: str
    description: str
    #: ``never``, ``backoff`` or ``retry_after``
    retry: str
    headers: list[str]

    @property
    def is_further(self) -> bool:
        """Whether any HTTP service can give it: no code of this API in particular."""
        return self.code in FURTHER


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """All that a catalogue promises to clients."""

    format: int
    #: JSON Schema (2020-12) of the body, from the structs that go over the wire.
    body: dict[str, Any]
    codes: list[Entry]


def reference(catalog: Catalog, trace_header: str = "X-Request-Id") -> Reference:
    """Return what ``catalog`` says, in its own order."""
    entries = [_entry(cls, trace_header) for cls in catalog]
    return Reference(format=FORMAT, body=body_schema(), codes=entries)


def body_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the body, without references."""
    (envelope,), parts = msgspec.json.schema_components([wire.Envelope], ref_template="{name}")
    schema: dict[str, Any] = parts[envelope["$ref"]]
    schema["properties"]["error"] = parts["Error"]
    return schema


def _entry(cls: type[APIError], trace_header: str) -> Entry:
    return Entry(
        code=cls.code,
        status=status_of(cls),
        name=status_name(cls.status) if status_of(cls).isdecimal() else "",
        message=str(cls.message),
        description=description(cls),
        retry=_retry(cls),
        headers=[trace_header, *headers_of(cls.status)],
    )


def status_of(cls: type[APIError]) -> str:
    """Return the status of a class, ``4xx`` or ``5xx`` for those that keep the response's own."""
    kept = {ClientError.code: "4xx", ServerError.code: "5xx"}
    return kept.get(cls.code) or str(cls.status)


def headers_of(status: int) -> list[str]:
    """Return the headers that a response of this status has besides the trace id's."""
    return {401: ["WWW-Authenticate"], 405: ["Allow"], 429: ["Retry-After"]}.get(status, [])


def description(cls: type[APIError]) -> str:
    """Return the first paragraph of a class's docstring on one line; its message if it has none."""
    text = inspect.cleandoc(cls.__dict__.get("__doc__") or "").partition("\n\n")[0]
    # What reStructuredText marks as code is marked so everywhere: `one pair of backticks`.
    text = re.sub(r":[a-z:]+:`~?([^`]*)`", r"`\1`", text).replace("``", "`")
    return " ".join(text.split()) or str(cls.message)


def _retry(cls: type[APIError]) -> str:
    if issubclass(cls, (RateLimitedError, ServiceUnavailableError)):
        return "retry_after"
    return "backoff" if cls.retryable else "never"
