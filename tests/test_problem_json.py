"""RFC 9457 on every stack: who asks for ``application/problem+json`` gets it, with all we say."""

import json
import re

import pytest
from jentic.problem_details import ProblemDetail

from errorshape import APIError, client
from errorshape.testing import assert_conforms
from tests.clients import InProcess, each_made_once
from tests.contract import STATUS_OF, Target, assert_no_secret, own_errors
from tests.stacks import BY_NAME, STACKS

PAGE = "https://docs.example/errors"
OPTIONS = {"problem_json": PAGE}
#: As a client asks that reads JSON where nothing is wrong; Django REST Framework answers 406 to one
#: that does not.
WANTED = {"Accept": "application/problem+json, application/json;q=0.9"}

#: Who makes the error: the application, the framework, its pages, nobody, a stream; and its code.
ERRORS = {
    "/error/quota_exceeded": "quota_exceeded",
    "/error/unauthorized": "unauthorized",
    "/error/rate_limited": "rate_limited",
    "/details": "not_found",
    "/translated/class": "conflict",
    "/nowhere": "not_found",
    "/prebuilt/html/404": "not_found",
    "/prebuilt-stream/html/503": "service_unavailable",
    "/prebuilt/empty/409": "conflict",
    "/stream/fails-early-known": "conflict",
    "/crash": "internal_error",
    "/unknown-code/odd": "odd",
}

TARGETS = [Target(stack) for stack in STACKS] + [
    Target(BY_NAME[name], server)
    for name, server in (
        ("flask", "waitress"),
        ("django_wsgi", "waitress"),
        ("django_asgi", "uvicorn"),
        ("fastapi", "uvicorn"),
    )
]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Each client is made once."""
    with each_made_once(tmp_path_factory.mktemp, **OPTIONS) as client_of:
        yield client_of


@pytest.fixture(params=TARGETS, ids=str)
def asked(request, running):
    """Every stack with the option on, in process and on real servers."""
    return running(request.param)


def varies_by(reply):
    return [name.strip().lower() for name in ",".join(reply.all("vary")).split(",")]


def assert_problem(reply, code):
    """Hold a reply against RFC 9457 and the contract; return its members."""
    assert (reply.complete, reply.failure) == (True, None)
    assert reply.one("content-type") == "application/problem+json"
    assert reply.one("content-length") == str(len(reply.body))
    assert reply.one("cache-control") == "no-store"
    assert varies_by(reply).count("accept") == 1
    members = json.loads(reply.body)
    assert members["code"] == code
    assert members["status"] == reply.status == STATUS_OF.get(code, 409)
    assert members["trace_id"] == reply.one("x-request-id")
    assert members["instance"] == f"urn:uuid:{members['trace_id']}"
    assert members["type"] == (f"{PAGE}#{code}" if code in STATUS_OF else "about:blank")
    read = ProblemDetail.model_validate_json(reply.body, strict=True)
    for name in ("type", "title", "status", "detail", "instance", "code"):
        assert getattr(read, name) == members[name]
    assert_no_secret(reply)
    return members


@pytest.mark.parametrize("path", ERRORS)
def test_who_prefers_a_problem_gets_one(asked, path):
    """Whoever makes the error, its form is what the client asked for."""
    assert_problem(asked.get(path, WANTED), ERRORS[path])


@pytest.mark.parametrize("path", ["/error/conflict", "/nowhere", "/crash", "/prebuilt/html/404"])
def test_all_others_get_the_envelope_which_varies_too(asked, path):
    """No Accept, one that takes anything, a tie: the envelope, which a cache must not mix up."""
    for accept in (None, "*/*", "application/json, application/problem+json"):
        reply = asked.get(path, {} if accept is None else {"Accept": accept})

        assert reply.one("content-type") == "application/json"
        assert reply.error["trace_id"] == reply.one("x-request-id")
        assert varies_by(reply).count("accept") == 1


@pytest.mark.parametrize("path", ["/error/conflict", "/nowhere", "/crash", "/prebuilt/html/404"])
def test_head_has_the_same_headers(asked, path):
    """HEAD is answered as GET is, without the body (RFC 9110 §9.3.2)."""
    trace = {**WANTED, "X-Request-Id": "7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c"}
    head, get = asked.head(path, trace), asked.get(path, trace)

    assert (head.status, head.body) == (get.status, b"")
    for name in ("content-type", "content-length", "x-request-id", "cache-control", "vary"):
        assert head.one(name) == get.one(name)


def test_what_is_said_is_what_the_envelope_says(asked):
    """Message, details and id are those of the envelope; the headers of the error stay."""
    trace = {"X-Request-Id": "from.the/client:1"}
    problem = json.loads(asked.get("/details", {**WANTED, **trace}).body)
    envelope = asked.get("/details", trace).error

    members = {"code": "code", "message": "detail", "trace_id": "trace_id", "details": "details"}
    assert envelope == {name: problem[member] for name, member in members.items()}
    assert "instance" not in problem, "no URI is made up for an id that has none"
    assert asked.get("/error/rate_limited", WANTED).one("retry-after") == "1"
    assert asked.get("/error/unauthorized", WANTED).one("www-authenticate") == "Bearer"


def test_a_vary_of_the_response_is_merged(asked):
    """What the error varied by already stays, and nothing is there twice."""
    reply = asked.get("/prebuilt-headers/409", WANTED)

    assert sorted(varies_by(reply)) == ["accept", "origin"]


def test_what_does_not_depend_on_accept_does_not_say_so(asked):
    """A success and an error that the application made as JSON are as they were."""
    assert "accept" not in varies_by(asked.get("/ok", WANTED))
    reply = asked.get("/prebuilt/json/409", WANTED)
    assert reply.one("content-type").startswith("application/json")
    assert "accept" not in varies_by(reply)


def test_bounds_hold(asked):
    """A problem has at most 16 KiB, is cut visibly, and whatever is in it is made text."""
    reply = asked.get("/too-much/everything", WANTED)

    assert len(reply.body) <= 16 * 1024
    assert any("…" in name for name in assert_problem(reply, "conflict")["details"])
    for path in ("/odd-keys", "/odd-message/lone-surrogate", "/not-ascii", "/too-much/message"):
        assert_problem(asked.get(path, WANTED), "conflict")


def test_invalid_fields_are_in_the_details(asked):
    """Validation errors name each field by its path, as in the envelope."""
    headers = {**WANTED, "Content-Type": "application/json"}
    reply = asked.post("/validate", b'{"connector":{"config":{}}}', headers)

    assert list(assert_problem(reply, "validation_error")["details"]) == [
        "connector.config.api_key"
    ]


def test_a_crash_is_logged_as_before(asked):
    """The form of the answer changes nothing about the record of it."""
    assert len(own_errors(asked.get("/crash", WANTED))) == 1


@pytest.mark.parametrize("stack", STACKS, ids=str)
def test_with_reshape_all_a_problem_of_ours_stays(stack):
    """A wrap further out takes what the adapter has answered for what it is."""
    asked = InProcess(stack, stack.build(**OPTIONS, reshape="all"))

    for path in ("/details", "/nowhere", "/crash"):
        members = assert_problem(asked.get(path, WANTED), ERRORS[path])
    assert members["detail"] == "Internal server error."


@pytest.mark.parametrize("stack", STACKS, ids=str)
def test_off_is_the_default(stack):
    """Nobody gets a form that the service does not offer, and nothing varies by Accept."""
    reply = InProcess(stack, stack.build()).get("/error/conflict", WANTED)

    assert reply.one("content-type") == "application/json"
    assert "accept" not in varies_by(reply)


@pytest.mark.parametrize("stack", STACKS, ids=str)
def test_outside_of_include_errors_are_text_whatever_is_accepted(stack):
    """What is not shaped has no other form."""
    asked = InProcess(stack, stack.build(**OPTIONS, include=["/api/"]))
    reply = asked.get("/error/conflict", WANTED)

    assert reply.one("content-type").startswith("text/plain")
    assert "accept" not in varies_by(reply)


# --- both ends ------------------------------------------------------------------------------------


class Response:
    """A reply as httpx has it."""

    def __init__(self, reply):
        self.status_code = reply.status
        self.headers = dict(reply.headers)
        self.content = reply.body

    def iter_bytes(self):
        yield self.content


@pytest.fixture
def flask():
    """One stack."""
    return InProcess(BY_NAME["flask"], BY_NAME["flask"].build(**OPTIONS))


def test_our_client_understands_a_problem(flask):
    """The same class comes out, with all that the envelope would have given."""
    error = client.error_in(Response(flask.get("/details", WANTED)))

    assert isinstance(error, APIError)
    assert type(error).__name__ == "NotFoundError"
    assert (error.message, error.details) == (
        "Issue iss_01abc123 not found",
        {"id": "iss_01abc123"},
    )
    assert re.fullmatch("[0-9a-f-]{36}", error.trace_id)


def test_a_problem_of_somebody_else_is_unexpected(flask):
    """Without our code, nobody can tell which error of ours it would be."""
    response = Response(flask.get("/details", WANTED))
    response.content = b'{"type":"about:blank","title":"Not Found","status":404}'

    error = client.error_in(response)

    assert isinstance(error, client.UnexpectedResponseError)
    assert error.content_type == "application/problem+json"


def test_our_assertions_understand_a_problem(flask):
    """A test is written the same for either form."""
    from errorshape.testing import assert_error

    error = assert_error(
        Response(flask.get("/details", WANTED)), "not_found", details={"id": "iss_01abc123"}
    )
    assert_conforms(Response(flask.get("/details", WANTED)))

    assert error["message"] == "Issue iss_01abc123 not found"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: r.headers.pop("vary"), "Vary is None"),
        (lambda r: setattr(r, "content", r.content.replace(b"404", b"400")), "status is 400"),
        (lambda r: setattr(r, "content", r.content.replace(b'"code"', b'"kode"')), "kode"),
        (lambda r: setattr(r, "content", b"[]"), "Expected object"),
    ],
)
def test_our_assertions_say_what_is_wrong_with_a_problem(flask, change, says):
    """What RFC 9457 and RFC 9110 demand of it is held against it."""
    response = Response(flask.get("/error/not_found", WANTED))
    response.headers.pop("content-length")
    change(response)

    with pytest.raises(AssertionError, match=says):
        assert_conforms(response)
