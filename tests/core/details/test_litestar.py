"""Litestar: the list in ``extra``, made of msgspec's errors or a plugin's."""

import enum
from typing import Annotated, Any

import attrs
import msgspec
import pydantic
import pytest
from litestar import Litestar, Request, Response, get, post
from litestar.exceptions import ValidationException
from litestar.params import Body as Sent
from litestar.testing import TestClient

from errorshape.core.details import details_of

# Newer versions want parameters marked in a way that older ones do not know.
pytestmark = pytest.mark.filterwarnings("ignore:.*query parameter:DeprecationWarning")

SECRET = "hunter2-do-not-tell"


class Plan(enum.Enum):
    FREE = "free"


class Item(msgspec.Struct):
    name: str


class Body(msgspec.Struct):
    items: list[Item] = []
    plan: Plan = Plan.FREE
    labels: dict[str, int] = {}


class Model(pydantic.BaseModel):
    tags: list[int] = []
    either: int | list[int] = 0


@attrs.define
class Limits:
    count: int = attrs.field(default=5, validator=attrs.validators.ge(3))
    tags: list[int] = attrs.Factory(list)


class Colour:
    pass


def decode(cls: type, value: Any) -> Any:
    if value == "parse":
        return int(SECRET)
    raise ValueError("There is no such colour")


@post("/struct")
async def struct(data: Annotated[Body, Sent()]) -> None:
    pass


@post("/model")
async def model(data: Annotated[Model, Sent()]) -> None:
    pass


@post("/attrs")
async def attrs_class(data: Annotated[Limits, Sent()]) -> None:
    pass


@get("/query", type_decoders=[(lambda cls: cls is Colour, decode)])
async def query(limit: int = 0, plan: Plan | None = None, colour: Colour | None = None) -> None:
    pass


@pytest.fixture(scope="module")
def answer():
    """Send a request and return the details of its exception."""
    seen: list[Exception] = []

    def handler(request: Request, exc: Exception) -> Response:
        seen.append(exc)
        return Response({}, status_code=400)

    app = Litestar(
        [struct, model, attrs_class, query],
        exception_handlers={ValidationException: handler},
        openapi_config=None,
    )
    with TestClient(app) as client:

        def send(method, path, **options):
            seen.clear()
            client.request(method, path, **options)
            (exc,) = seen
            return details_of(exc)

        yield send


@pytest.mark.parametrize(
    ("path", "body", "details"),
    [
        ("/struct", {"items": [{"name": 7}]}, {"items.0.name": "Expected `str`, got `int`"}),
        ("/struct", {"items": [{"name": ""}, {}]}, {"items.1.name": "Missing required field"}),
        ("/struct", {"plan": SECRET}, {"plan": "Invalid enum value"}),
        ("/struct", {"labels": {"a": "x"}}, {"labels.*": "Expected `int`, got `str`"}),
        ("/struct", [], {"$": "Expected `object`, got `array`"}),
        ("/attrs", {"count": 1}, {"count": "Must be >= 3"}),
        ("/attrs", {"tags": ["x"]}, {"tags.0": "Expected `int`, got `str`"}),
    ],
    ids=str,
)
def test_bodies(answer, path, body, details):
    """Paths as everywhere; no value in a message."""
    assert answer("POST", path, json=body) == details


def test_pydantic(answer):
    """All errors, without pydantic's tags."""
    details = answer("POST", "/model", json={"tags": [1, SECRET], "either": SECRET})

    assert set(details) == {"tags.1", "either"}
    assert SECRET not in str(details)


def test_queries(answer):
    """All parameters; what a decoder raises is told only if the application wrote it."""
    assert answer("GET", "/query", params={"limit": SECRET, "plan": SECRET}) == {
        "limit": "Expected `int`, got `str`",
        "plan": "Invalid enum value",
    }
    assert answer("GET", "/query", params={"colour": "red"}) == {
        "colour": "There is no such colour"
    }
    assert answer("GET", "/query", params={"colour": "parse"}) == {"colour": "Invalid value"}


def test_an_exception_of_the_application():
    """It may have anything in ``extra``, or nothing."""
    assert details_of(ValidationException("No")) is None
    assert details_of(ValidationException("No", extra={"a": "b"})) is None
    assert details_of(ValidationException("No", extra=["x", {"key": "a.b", "message": "Odd"}])) == {
        "a.b": "Invalid value"
    }
