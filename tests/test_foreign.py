"""Frameworks' HTTP exceptions that reach a wrap by themselves, understood by their names."""

import json
import warnings

import falcon
import pytest
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from litestar.exceptions import HTTPException as LitestarError
from litestar.exceptions import ValidationException
from starlette.exceptions import HTTPException as StarletteError

import errorshape

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Pyramid and its parts still use pkg_resources
    from pyramid.httpexceptions import HTTPConflict, HTTPFound, HTTPServiceUnavailable

ERRORS = [{"loc": ("body", "a", 0), "msg": "Field required", "type": "missing", "input": "xyzzy"}]
HEADERS = {"X-Application": "kept"}


def respond(exc, **options):
    response = errorshape.ErrorLayer(**options).respond(exc)
    return response.status, dict(response.headers), response.body


CONFLICTS = {
    "starlette": StarletteError(409, "The name is taken.", HEADERS),
    "litestar": LitestarError(status_code=409, detail="The name is taken.", headers=HEADERS),
    "falcon": falcon.HTTPConflict(description="The name is taken.", headers=HEADERS),
    "falcon pairs": falcon.HTTPConflict(
        description="The name is taken.", headers=[("X-Application", "kept")]
    ),
    "pyramid": HTTPConflict(detail="The name is taken.", headers=[*HEADERS.items()]),
}


@pytest.mark.parametrize("exc", CONFLICTS.values(), ids=CONFLICTS)
def test_status_message_and_headers_stay(exc):
    """Each is the APIError of its status, with its own message and headers."""
    status, headers, body = respond(exc)

    error = json.loads(body)["error"]
    assert (status, error["code"], error["message"]) == (409, "conflict", "The name is taken.")
    assert headers["X-Application"] == "kept"


@pytest.mark.parametrize("exc", CONFLICTS.values(), ids=CONFLICTS)
def test_reshape_none_renders_what_the_framework_would(exc):
    """The text, page or JSON of the framework, with the trace id's header."""
    status, headers, body = respond(exc, reshape="none")

    assert status == 409
    assert b"The name is taken." in body
    assert headers["Content-Length"] == str(len(body))
    assert headers["X-Application"] == "kept"
    assert headers["X-Request-Id"]


@pytest.mark.parametrize(
    "exc",
    [
        StarletteError(503, "secret"),
        LitestarError(status_code=503, detail="secret"),
        falcon.HTTPServiceUnavailable(description="secret"),
        HTTPServiceUnavailable(detail="secret"),
    ],
    ids=lambda exc: type(exc).__module__,
)
def test_a_5xx_keeps_its_message_to_itself(exc):
    """The catalogue's is sent."""
    status, _, body = respond(exc)

    assert status == 503
    assert b"secret" not in body


@pytest.mark.parametrize("detail", [{"field": "wrong"}, ["wrong"]], ids=["mapping", "list"])
def test_a_detail_that_is_no_text_is_the_details(detail):
    """FastAPI lets an HTTPException have any."""
    _, _, body = respond(StarletteError(409, detail))

    details = json.loads(body)["error"]["details"]
    assert details in ({"field": "wrong"}, {"$": '["wrong"]'})


@pytest.mark.parametrize(
    "exc", [StarletteError(204), StarletteError(302, headers={"Location": "/"})]
)
def test_what_is_no_error_is_rendered(exc):
    """A redirect, or nothing, goes out as the exception has it."""
    status, headers, _ = respond(exc)

    assert status == exc.status_code
    assert headers.get("Location") == (exc.headers or {}).get("Location")


def test_a_redirect_of_pyramid_is_rendered():
    """It is an exception and a response in one."""
    status, headers, _ = respond(HTTPFound(location="http://example.org/"))

    assert (status, headers["Location"]) == (302, "http://example.org/")


@pytest.mark.parametrize(
    "exc",
    [RequestValidationError(ERRORS, body={"a": []}), WebSocketRequestValidationError(ERRORS)],
    ids=["request", "websocket"],
)
def test_fastapis_request_validation(exc):
    """400 with the path; with ``reshape="none"`` FastAPI's 422, without what was submitted."""
    status, _, body = respond(exc)
    assert (status, json.loads(body)["error"]["details"]) == (400, {"a.0": "Field required"})

    status, _, body = respond(exc, reshape="none")
    assert (status, json.loads(body)) == (
        422,
        {"detail": [{"type": "missing", "msg": "Field required"}]},
    )


def test_litestars_validation():
    """400 with the paths of ``extra``; with ``reshape="none"`` Litestar's own JSON."""
    extra = [{"key": "a", "message": "Expected `int`, got `str`", "source": "body"}]
    exc = ValidationException("Validation failed for POST /xyzzy", extra=extra)

    status, _, body = respond(exc)
    assert (status, json.loads(body)["error"]["details"]) == (
        400,
        {"a": "Expected `int`, got `str`"},
    )
    assert b"xyzzy" not in body
    assert json.loads(respond(exc, reshape="none")[2])["extra"] == extra


def test_an_exception_that_met_a_handler_too_late_is_that_exception():
    """Starlette and Litestar wrap it then; a RuntimeError of the application's own is a crash."""
    wrapping = RuntimeError("Caught handled exception, but response already started.")
    wrapping.__cause__ = errorshape.ConflictError()
    own = RuntimeError("Mine.")
    own.__cause__ = errorshape.ConflictError()

    assert respond(wrapping)[0] == 409
    assert respond(own)[0] == 500
