"""What users type, as type checkers see it: checked, never run."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import assert_type

import flask

import errorshape
from errorshape import APIError, Catalog, ErrorLayer, ErrorResponse, asgi, wsgi
from errorshape.flask import ErrorShape


class QuotaExceededError(APIError):
    """The workspace has used up its quota."""

    code = "quota_exceeded"
    status = 403
    message = "Quota exceeded."


class StoreError(Exception):
    pass


def notify(error: APIError, exc: BaseException, trace_id: str) -> None: ...


def conflict(exc: StoreError) -> APIError:
    return errorshape.ConflictError(str(exc))


def german(error: APIError, languages: Sequence[str]) -> tuple[str, str] | None:
    return ("Nein.", "de") if "de" in languages else None


CATALOG = errorshape.STANDARD.extend(QuotaExceededError)
assert_type(CATALOG, Catalog)
assert_type(CATALOG.get("not_found"), type[APIError] | None)

layer = ErrorLayer(
    CATALOG,
    include=["/api/"],
    translate={StoreError: conflict, KeyError: errorshape.NotFoundError},
    on_error=[notify],
    reshape="all",
    problem_json="https://docs.example/errors",
    message_for=german,
)
assert_type(layer.respond(QuotaExceededError(details={"limit": "5"})), ErrorResponse)
assert_type(layer.reshape(404, [("Content-Type", "text/html")], b""), ErrorResponse | None)

app = flask.Flask(__name__)
ErrorShape(app, catalog=CATALOG, include=("/api/",))
wsgi.ErrorShapeMiddleware(app.wsgi_app, layer)


async def raw(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    raise errorshape.RateLimitedError(retry_after=datetime.now(UTC))


asgi.ErrorShapeMiddleware(app=raw, trust_inbound=False)
assert_type(errorshape.trace_id(), str | None)
assert_type(errorshape.new_trace_id(), str)
assert_type(errorshape.trace.outgoing_headers(), dict[str, str])


@errorshape.validating()
def parse(raw: bytes) -> int:
    return len(raw)


@errorshape.validating()
async def parse_later(raw: bytes) -> int:
    return len(raw)


async def use() -> None:
    assert_type(parse(b""), int)
    assert_type(await parse_later(b""), int)


with errorshape.bind_trace_id() as bound:
    assert_type(bound, str)

ErrorLayer(problem_json=True, message_for=lambda error, languages: error.code)
ErrorLayer(message_for="German")  # type: ignore[arg-type]
ErrorLayer(reshape="everything")  # type: ignore[arg-type]
ErrorLayer(inclde=["/"])  # type: ignore[call-arg]
