"""Django Ninja: what its API makes of exceptions."""

import importlib
import itertools
import sys
from typing import Literal

import django
import ninja
import pytest
from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.http import Http404
from django.test import Client, override_settings
from django.urls import path
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from ninja.security import HttpBearer
from ninja.throttling import BaseThrottle

import errorshape
import errorshape.ninja
from errorshape import ErrorLayer
from errorshape.testing import assert_error

SECRET = "hunter2-do-not-tell"
NOT_AN_INT = "Input should be a valid integer, unable to parse string as an integer"
JSON = {"content_type": "application/json"}

django.setup()


class Cat(ninja.Schema):
    kind: Literal["cat"]
    name: int


class Dog(ninja.Schema):
    kind: Literal["dog"]
    bark: int


class Order(ninja.Schema):
    pets: list[Cat | Dog]
    count: int = 1


class Filters(ninja.Schema):
    limit: int = 1
    tags: list[int] = []  # noqa: RUF012 - pydantic copies it


numbers = itertools.count()


class TeapotError(Exception):
    pass


RAISED = {
    "http": lambda: HttpError(409, "Twice"),
    "http-500": lambda: HttpError(503, SECRET),
    "http-204": lambda: HttpError(204, "Fine"),
    "auth": AuthenticationError,
    "throttled": lambda: Throttled(wait=7),
    "throttled-zero": lambda: Throttled(wait=0),
    "throttled-never": lambda: Throttled(wait=None),
    "cursor": lambda: ValidationError([{"cursor": "Invalid Cursor"}]),
    "http404": lambda: Http404(SECRET),
    "denied": lambda: PermissionDenied(SECRET),
    "ours": lambda: errorshape.ConflictError("Twice"),
    "group": lambda: ExceptionGroup("g", [errorshape.GoneError()]),
    "groups": lambda: ExceptionGroup("g", [errorshape.GoneError(), ValueError()]),
    "teapot": TeapotError,
    "crash": lambda: RuntimeError(SECRET),
}


class Bearer(HttpBearer):
    def authenticate(self, request, token):
        return token == "right"


class Never(BaseThrottle):
    def allow_request(self, request):
        return False

    def wait(self):
        return 2.5


def build():
    """Return an API with every way to fail."""
    api = ninja.NinjaAPI(urls_namespace=f"test-{next(numbers)}")

    @api.get("/raise/{kind}")
    def fail(request, kind: str):
        raise RAISED[kind]()

    @api.post("/one")
    def one(request, payload: Order):
        return {}

    @api.post("/two")
    def two(request, first: Cat, second: Cat):
        return {}

    @api.get("/query/{pk}")
    def query(request, pk: int, filters: ninja.Query[Filters], either: int | bool = 1):
        return {}

    @api.post("/form")
    def form(request, filters: ninja.Form[Filters]):
        return {}

    @api.get("/members", auth=Bearer())
    def members(request):
        return {}

    @api.get("/throttled", throttle=[Never()])
    def throttled(request):
        return {}

    return api


api = build()
errorshape.ninja.init_app(api)
urlpatterns = [path("", api.urls)]


@pytest.fixture
def client():
    """A client of the API above; what Django handles last is answered, as on a server."""
    with override_settings(ROOT_URLCONF=__name__):
        yield Client(raise_request_exception=False)


@pytest.fixture
def serve(monkeypatch):
    """Serve another API at the same paths."""

    def serve(other):
        monkeypatch.setattr(sys.modules[__name__], "urlpatterns", [path("", other.urls)])
        return Client(raise_request_exception=False)

    from django.urls import clear_url_caches

    with override_settings(ROOT_URLCONF=__name__):
        clear_url_caches()
        yield serve
    clear_url_caches()


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        ("http", "conflict", "Twice"),
        ("http-500", "service_unavailable", None),
        ("auth", "unauthorized", "Unauthorized"),
        ("cursor", "validation_error", None),
        ("http404", "not_found", None),
        ("denied", "forbidden", None),
        ("ours", "conflict", "Twice"),
        ("group", "gone", None),
        ("groups", "internal_error", None),
        ("crash", "internal_error", None),
    ],
)
def test_exceptions(client, kind, code, message):
    """By status; Ninja's messages of a 4xx stay, Django's and those of a 5xx do not."""
    response = client.get(f"/raise/{kind}")

    entry = errorshape.STANDARD[code]
    assert_error(response, code, status=entry.status)
    assert response.json()["error"]["message"] == (message or entry.message)
    assert SECRET not in response.content.decode()


def test_authentication(client):
    """A 401 has a challenge."""
    response = client.get("/members", headers={"Authorization": "Bearer wrong"})

    assert_error(response, "unauthorized", status=401)
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        ("/raise/throttled", "7"),
        ("/raise/throttled-zero", "0"),
        ("/raise/throttled-never", "1"),
        ("/throttled", "3"),
    ],
)
def test_throttling(client, path, seconds):
    """Retry-After is what the throttle says."""
    response = client.get(path)

    assert_error(response, "rate_limited", status=429)
    assert response.headers["Retry-After"] == seconds


@pytest.mark.parametrize(
    ("body", "details"),
    [
        (
            {"pets": [{"kind": "cat", "name": SECRET}], "count": SECRET},
            {
                "pets.0.name": NOT_AN_INT,
                "pets.0.kind": "Input should be 'dog'",
                "pets.0.bark": "Field required",
                "count": NOT_AN_INT,
            },
        ),
        ({}, {"pets": "Field required"}),
    ],
    ids=["nested", "missing"],
)
def test_a_body(client, body, details):
    """400, and neither the location nor the view's parameter nor pydantic's tags in the paths."""
    response = client.post("/one", body, **JSON)

    assert_error(response, "validation_error", status=400, details=details)


def test_two_bodies(client):
    """Then the parameters are fields of the body."""
    response = client.post("/two", {"first": {"kind": "cat", "name": "x"}}, **JSON)

    assert_error(
        response,
        "validation_error",
        details={"first.name": NOT_AN_INT, "second": "Field required"},
    )


def test_parameters(client):
    """Path, query and form."""
    response = client.get("/query/x?limit=a&tags=1&tags=b&either=no")

    assert_error(
        response,
        "validation_error",
        details={"pk": NOT_AN_INT, "limit": NOT_AN_INT, "tags.1": NOT_AN_INT},
    )
    response = client.post("/form", {"limit": SECRET})
    assert_error(response, "validation_error", details={"limit": NOT_AN_INT})


def test_a_malformed_body(client):
    """Ninja's own 400."""
    response = client.post("/one", "{", **JSON)

    assert_error(response, "validation_error", status=400)
    assert response.json()["error"]["message"] == "Cannot parse request body"


def test_routing(client):
    """The unrouted 404 and the wrong method."""
    assert_error(client.get("/nowhere"), "not_found", status=404)
    response = client.delete("/one")
    assert_error(response, "method_not_allowed", status=405)
    assert response.headers["Allow"] == "POST"


def test_the_id(client):
    """The response, its body and the request have one."""
    response = client.get("/raise/ours", headers={"X-Request-Id": "mine-1"})

    assert response.headers["X-Request-Id"] == "mine-1"
    assert response.json()["error"]["trace_id"] == "mine-1"


def test_the_signal(client):
    """got_request_exception is sent for what nobody expected, and for nothing else."""
    sent = []

    def receiver(**kwargs):
        sent.append(kwargs)

    got_request_exception.connect(receiver)
    try:
        for kind in RAISED.keys() - {"http-204"}:
            client.get(f"/raise/{kind}")
    finally:
        got_request_exception.disconnect(receiver)
    assert len(sent) == 3  # a crash, a group of two, and what no layer translates here


def test_what_is_no_error(client):
    """A status below 400 is Ninja's to answer."""
    assert client.get("/raise/http-204").status_code == 204


def test_the_applications_handlers_come_first(serve):
    """Registered before ours or after them, for a class or for a base of it."""
    other = build()

    def answer(status):
        return lambda request, exc: other.create_response(request, {"mine": True}, status=status)

    other.add_exception_handler(HttpError, answer(418))
    errorshape.ninja.init_app(other)
    other.add_exception_handler(ValidationError, answer(422))
    client = serve(other)

    assert client.get("/raise/http").status_code == 418
    assert client.get("/raise/auth").status_code == 418
    assert client.post("/one", {}, **JSON).status_code == 422
    assert_error(client.get("/raise/ours"), "conflict")
    other.add_exception_handler(Exception, answer(420))
    assert client.get("/raise/ours").status_code == 420
    assert_error(client.get("/raise/http404"), "not_found")


def test_options_and_layers_of_its_own(serve):
    """One API may have others than the site; a second call changes nothing."""
    other = build()
    layer = ErrorLayer(
        translate={TeapotError: errorshape.ImATeapotError, Http404: errorshape.GoneError}
    )
    errorshape.ninja.init_app(other, layer)
    errorshape.ninja.init_app(other, include=["/elsewhere"])
    client = serve(other)

    assert_error(client.get("/raise/teapot"), "im_a_teapot")
    assert_error(client.get("/raise/http404"), "gone")


def test_wrong_options():
    """Raise at start-up."""
    with pytest.raises(TypeError, match="inclde"):
        errorshape.ninja.init_app(build(), inclde=["/"])


@pytest.mark.parametrize("option", [{"reshape": "none"}, {"include": ["/api/"]}], ids=str)
def test_ninjas_answers_are_kept(serve, option):
    """Where the options say so, with our header; an APIError is ours everywhere."""
    other = build()
    errorshape.ninja.init_app(other, **option)
    client = serve(other)

    with override_settings(ERRORSHAPE={name.upper(): value for name, value in option.items()}):
        client = Client()
        assert client.get("/raise/http").json() == {"detail": "Twice"}
        assert client.get("/raise/http404").json() == {"detail": "Not Found"}
        assert client.post("/one", {}, **JSON).status_code == 422
        assert client.get("/raise/ours").status_code == 409


def test_without_the_middleware(serve):
    """The handlers alone shape what operations raise."""
    other = build()
    errorshape.ninja.init_app(other)
    with override_settings(MIDDLEWARE=[]):
        client = serve(other)
        for kind, code in {"http": "conflict", "http404": "not_found", "ours": "conflict"}.items():
            assert_error(client.get(f"/raise/{kind}"), code)


# --- wherever they are raised ---------------------------------------------------------------------


def test_raised_elsewhere():
    """In any framework they mean the same; kept, they are as Ninja has them."""
    assert ErrorLayer().respond(HttpError(404, "No")).status == 404
    keeping = ErrorLayer(reshape="none")
    assert keeping.respond(HttpError(404, "No")).body == b'{"detail":"No"}'
    error = {"type": "missing", "loc": ("body", "a"), "msg": "Field required", "ctx": SECRET}
    answer = keeping.respond(ValidationError([error]))
    assert answer.status == 422
    assert SECRET.encode() not in answer.body


# --- start-up -------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", ["missing", "old"])
def test_what_is_missing_is_named(problem, monkeypatch):
    """The extra and the version."""
    monkeypatch.delitem(sys.modules, "errorshape.ninja")
    if problem == "missing":
        monkeypatch.setitem(sys.modules, "ninja", None)
    else:
        monkeypatch.setattr(ninja, "__version__", "1.4.5")

    with pytest.raises(ImportError, match=r"1\.5 or newer: pip install 'errorshape\[ninja\]'"):
        importlib.import_module("errorshape.ninja")
