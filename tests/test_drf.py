"""Django REST Framework: what its exception handler makes of its exceptions."""

import importlib
import json
import sys
from types import MappingProxyType

import django
import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.signals import got_request_exception
from django.http import Http404
from django.test import Client, override_settings
from django.urls import path
from rest_framework import exceptions, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

import errorshape
from errorshape import ErrorLayer
from errorshape.testing import assert_error

django.setup()

SECRET = "hunter2-do-not-tell"


class Item(serializers.Serializer):
    name = serializers.CharField()


class Order(serializers.Serializer):
    items = Item(many=True)


class QuotaError(exceptions.APIException):
    status_code = 402
    default_detail = "Pay first."


class TeapotError(Exception):
    pass


RAISED = {
    "validation": lambda: exceptions.ValidationError({"a": ["No"]}),
    "parse": lambda: exceptions.ParseError("Not JSON"),
    "not-found": exceptions.NotFound,
    "denied": lambda: exceptions.PermissionDenied({"scope": ["repo:write"]}),
    "media-type": lambda: exceptions.UnsupportedMediaType("text/csv"),
    "throttled-zero": lambda: exceptions.Throttled(wait=0),
    "throttled": lambda: exceptions.Throttled(wait=7.2),
    "throttled-never": exceptions.Throttled,
    "own": QuotaError,
    "api": lambda: exceptions.APIException(SECRET),
    "http404": lambda: Http404(SECRET),
    "django-denied": lambda: PermissionDenied(SECRET),
    "bad-request": lambda: BadRequest(SECRET),
    "ours": lambda: errorshape.ConflictError("Twice"),
    "crash": lambda: RuntimeError(SECRET),
    "group": lambda: ExceptionGroup("g", [exceptions.NotFound()]),
}


class Raise(APIView):
    renderer_classes = (JSONRenderer,)

    def get(self, request, kind):
        raise RAISED[kind]()


class Create(APIView):
    parser_classes = (JSONParser,)

    def post(self, request):
        serializer = Order(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(serializer.data)


class WithHeader(BaseAuthentication):
    def authenticate(self, request):
        if request.headers.get("Authorization"):
            raise exceptions.AuthenticationFailed("No such token")

    def authenticate_header(self, request):
        return 'Token realm="api"'


class WithoutHeader(WithHeader):
    def authenticate_header(self, request):
        return None


class Nobody(BasePermission):
    message = "Members only."

    def has_permission(self, request, view):
        return False


class Never(BaseThrottle):
    def allow_request(self, request, view):
        return False

    def wait(self):
        return 2.5


def view(**attributes):
    return type("View", (Raise,), attributes).as_view()


urlpatterns = [
    path("raise/<kind>", Raise.as_view()),
    path("create", Create.as_view()),
    path(
        "challenge/<kind>", view(authentication_classes=[WithHeader], permission_classes=[Nobody])
    ),
    path(
        "silent/<kind>", view(authentication_classes=[WithoutHeader], permission_classes=[Nobody])
    ),
    path("members/<kind>", view(permission_classes=[Nobody])),
    path("throttled/<kind>", view(throttle_classes=[Never])),
]


@pytest.fixture
def client():
    """A client of the site above; what Django handles last is answered, as on a server."""
    with override_settings(ROOT_URLCONF=__name__):
        yield Client(raise_request_exception=False)


@pytest.mark.parametrize(
    ("kind", "code", "message", "details"),
    [
        ("validation", "validation_error", None, {"a": "No"}),
        ("parse", "validation_error", "Not JSON", None),
        ("not-found", "not_found", "Not found.", None),
        ("denied", "forbidden", None, {"scope": "repo:write"}),
        (
            "media-type",
            "unsupported_media_type",
            'Unsupported media type "text/csv" in request.',
            None,
        ),
        ("own", "payment_required", "Pay first.", None),
        ("api", "internal_error", None, None),
        ("http404", "not_found", None, None),
        ("django-denied", "forbidden", None, None),
        ("bad-request", "validation_error", None, None),
        ("ours", "conflict", "Twice", None),
        ("crash", "internal_error", None, None),
        ("group", "not_found", "Not found.", None),
    ],
)
def test_exceptions(client, kind, code, message, details):
    """By status; DRF's messages of a 4xx stay, Django's and those of a 5xx do not."""
    response = client.get(f"/raise/{kind}")

    entry = errorshape.STANDARD[code]
    assert_error(response, code, status=entry.status, details=details)
    assert response.json()["error"]["message"] == (message or entry.message)
    assert SECRET not in response.content.decode()


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        ("/raise/throttled-zero", "0"),
        ("/raise/throttled", "8"),
        ("/raise/throttled-never", "1"),
        ("/throttled/ours", "3"),
    ],
)
def test_throttling(client, path, seconds):
    """Retry-After is what the throttle says, 0 too, which DRF leaves out."""
    response = client.get(path)

    assert_error(response, "rate_limited", status=429)
    assert response.headers["Retry-After"] == seconds


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Token x"}], ids=["without", "wrong"])
def test_a_challenge_is_401(client, headers):
    """Where the authenticators have a challenge it is a 401 with it."""
    response = client.get("/challenge/ours", headers=headers)

    assert_error(response, "unauthorized", status=401)
    assert response.headers["WWW-Authenticate"] == 'Token realm="api"'
    expected = "No such token" if headers else "Authentication credentials were not provided."
    assert response.json()["error"]["message"] == expected


def test_without_a_challenge_it_is_403(client):
    """Where the first authenticator has none DRF makes it a 403, and so do we."""
    response = client.get("/silent/ours", headers={"Authorization": "Token x"})

    assert_error(response, "forbidden", status=403)
    assert "WWW-Authenticate" not in response.headers
    assert response.json()["error"]["message"] == "No such token"


def test_permissions(client):
    """The permission's own message stays."""
    response = client.get("/members/ours")

    assert_error(response, "forbidden", status=403)
    assert response.json()["error"]["message"] == "Members only."


@pytest.mark.parametrize("method", ["get", "head"])
def test_the_data_of_a_response(client, method):
    """DRF's own test clients show it, and so do the tests of every project."""
    response = getattr(client, method)("/members/ours")

    assert response.data == (response.json() if method == "get" else None)


def test_routing(client):
    """The unrouted 404 and the wrong method, which knows the right ones."""
    assert_error(client.get("/nowhere"), "not_found", status=404)
    response = client.delete("/create")
    assert_error(response, "method_not_allowed", status=405)
    assert response.headers["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"items": [{"name": "a"}, {}]}, {"items.1.name": "This field is required."}),
        ({"items": [{}]}, {"items.0.name": "This field is required."}),
        ({}, {"items": "This field is required."}),
        ([], {"$": "Invalid data. Expected a dictionary, but got list."}),
    ],
    ids=str,
)
def test_serializers(client, body, details):
    """Dot-paths, index 0 included."""
    response = client.post("/create", json.dumps(body), content_type="application/json")

    assert_error(response, "validation_error", status=400, details=details)


def test_a_malformed_body(client):
    """DRF's parser says where it stopped."""
    response = client.post("/create", "{", content_type="application/json")

    assert_error(response, "validation_error", status=400)
    assert response.json()["error"]["message"].startswith("JSON parse error - ")


def test_another_media_type(client):
    """Nothing parses it."""
    response = client.post("/create", "a,b", content_type="text/csv")

    assert_error(response, "unsupported_media_type", status=415)


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
        for kind in RAISED:
            client.get(f"/raise/{kind}")
    finally:
        got_request_exception.disconnect(receiver)
    assert len(sent) == 1


def test_outside_of_include_the_answer_is_drfs():
    """With its own body, and our header."""
    with override_settings(ROOT_URLCONF=__name__, ERRORSHAPE={"INCLUDE": ["/api/"]}):
        response = Client().get("/raise/not-found")

    assert response.json() == {"detail": "Not found."}
    assert response.headers["X-Request-Id"]


@pytest.mark.parametrize("reshape", ["none", "all"])
def test_reshape(reshape):
    """``reshape="none"`` leaves DRF's answers alone; what is shaped has nothing to be replaced."""
    with override_settings(ROOT_URLCONF=__name__, ERRORSHAPE={"RESHAPE": reshape}):
        client = Client()
        response = client.get("/raise/own")
        assert_error(client.get("/raise/ours"), "conflict")
    if reshape == "none":
        assert (response.status_code, response.json()) == (402, {"detail": "Pay first."})
    else:
        assert_error(response, "payment_required")
        assert response.json()["error"]["message"] == "Pay first."


def test_without_the_middleware():
    """The handler alone shapes what views raise, by the setting."""
    setting = {
        "CATALOG": errorshape.STANDARD,
        "TRANSLATE": {TeapotError: errorshape.ImATeapotError},
    }
    RAISED["teapot"] = TeapotError
    try:
        with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[], ERRORSHAPE=setting):
            client = Client()
            assert_error(client.get("/raise/not-found"), "not_found")
            assert_error(client.get("/raise/ours"), "conflict")
            assert_error(client.get("/raise/teapot"), "im_a_teapot")
            assert_error(client.get("/raise/django-denied"), "forbidden")
    finally:
        del RAISED["teapot"]


def test_a_translation_comes_first():
    """What the application has registered counts more than what DRF means."""
    translate = {Http404: errorshape.GoneError, exceptions.NotFound: errorshape.ConflictError}
    with override_settings(ROOT_URLCONF=__name__, ERRORSHAPE={"TRANSLATE": translate}):
        client = Client()
        assert_error(client.get("/raise/http404"), "gone")
        assert_error(client.get("/raise/not-found"), "conflict")


def test_a_transaction_is_rolled_back(client, monkeypatch):
    """set_rollback is DRF's; it is called for every answer."""
    rolled_back = []

    class Connection:
        settings_dict = MappingProxyType({"ATOMIC_REQUESTS": True})
        in_atomic_block = True
        set_rollback = rolled_back.append

    class Connections:
        def all(self, initialized_only=True):
            return [Connection]

    monkeypatch.setattr("rest_framework.views.connections", Connections())

    for kind in ("not-found", "ours", "http404"):
        client.get(f"/raise/{kind}")

    assert rolled_back == [True, True, True]


# --- wherever they are raised ---------------------------------------------------------------------


def test_raised_elsewhere():
    """In any framework, or in a Django view, they mean the same."""
    layer = ErrorLayer()

    assert layer.respond(exceptions.NotFound()).status == 404
    answer = layer.respond(exceptions.NotAuthenticated())
    assert ("WWW-Authenticate", "Bearer") in answer.headers


def test_what_is_no_error():
    """A status below 400 is DRF's to answer."""
    exc = exceptions.APIException("Fine")
    exc.status_code = 204

    assert ErrorLayer().translate(exc) is None


def test_drfs_own_response():
    """Where it is kept it is what DRF makes."""
    layer = ErrorLayer(reshape="none")
    exc = exceptions.Throttled(wait=7)
    exc.auth_header = "Token"

    answer = layer.respond(exc)

    assert json.loads(answer.body) == {
        "detail": "Request was throttled. Expected available in 7 seconds."
    }
    headers = dict(answer.headers)
    assert (headers["Retry-After"], headers["WWW-Authenticate"]) == ("7", "Token")
    assert json.loads(layer.respond(exceptions.ValidationError({"a": ["No"]})).body) == {
        "a": ["No"]
    }


# --- start-up -------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", ["missing", "old"])
def test_what_is_missing_is_named(problem, monkeypatch):
    """The extra and the version."""
    import rest_framework

    monkeypatch.delitem(sys.modules, "errorshape.drf", raising=False)
    if problem == "missing":
        monkeypatch.setitem(sys.modules, "rest_framework", None)
    else:
        monkeypatch.setattr(rest_framework, "VERSION", "3.15.2")

    with pytest.raises(ImportError, match=r"3\.16 or newer: pip install 'errorshape\[drf\]'"):
        importlib.import_module("errorshape.drf")
