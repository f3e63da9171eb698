"""What an attacker, or a mistake, must not get: SECURITY.md has the promises."""

import logging
import time

import pytest

import errorshape
from errorshape import wsgi
from errorshape.core import body as wire
from errorshape.core.http import Request as About
from tests.clients import InProcess
from tests.drivers import Request, run_asgi, run_wsgi
from tests.faults import ALL
from tests.faults.ledger import FAULTS
from tests.stacks import STACKS, script
from tests.test_contract import assert_shape, own_errors

#: In everything that is no client's business, and in everything that clients say in confidence.
SECRET = script.SECRET


@pytest.fixture(scope="module", params=STACKS, ids=str)
def client(request):
    """Every stack, in process."""
    return InProcess(request.param, request.param.build())


def planned(client, plan, headers=(), **how):
    script.plan = plan
    return client.get("/planned", headers, **how)


def assert_no_secret(reply):
    assert SECRET not in repr((reply.status, reply.headers, reply.body))


# --- secrets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [n for n, make in FAULTS.items() if isinstance(make(), Exception)]
)
def test_no_exception_tells_its_text(client, fault):
    """Neither its text nor that of its causes, contexts, notes and groups, nor the locals."""

    def plan():
        password = SECRET
        exc = FAULTS[fault]()
        exc.add_note(password)
        try:
            raise ValueError(password)
        except ValueError as cause:
            raise exc from cause

    reply = planned(client, plan)

    assert_no_secret(reply)
    assert_shape(reply, reply.error["code"])


CONFIDENTIAL = {
    "Authorization": f"Bearer {SECRET}",
    "Cookie": f"session={SECRET}",
    "X-Api-Key": SECRET,
    "User-Agent": SECRET,
    "Referer": f"http://testserver/?token={SECRET}",
}


@pytest.mark.parametrize(
    "path",
    [
        "/crash",
        "/nowhere",
        "/error/unauthorized",
        "/prebuilt/html/404",
        "/stream/fails-early",
        f"/nowhere?token={SECRET}",
    ],
)
def test_no_response_repeats_the_request(client, path):
    """Headers, cookies and the query stay with the client that sent them."""
    reply = client.get(path, CONFIDENTIAL)

    assert_no_secret(reply)


@pytest.mark.parametrize(
    "body",
    [
        f'{{"connector":{{"config":{{"api_key":["{SECRET}"]}}}}}}',
        f'{{"connector":"{SECRET}"}}',
        f'{{"connector":{{"config":{{"api_key":"k"}}}},"plan":"{SECRET}"}}',
        f'{{"connector":{{"config":{{"api_key":"k"}}}},"tags":["{SECRET}"]}}',
        f'{{"connector":{{"config":{{"api_key":"k"}}}},"labels":{{"{SECRET}":"x"}}}}',
        f'"{SECRET}',
        f"{SECRET}",
    ],
)
def test_no_submitted_value_is_repeated(client, body):
    """What failed validation is named by its place."""
    reply = client.post("/validate", body.encode(), {"Content-Type": "application/json"})

    assert_shape(reply, "validation_error")
    assert_no_secret(reply)


@pytest.mark.parametrize(
    "value",
    [f"{SECRET} with a space", f"{SECRET};", f"{SECRET}" * 20, f'{SECRET}"', f"<{SECRET}>"],
)
@pytest.mark.parametrize("name", ["X-Request-Id", "traceparent"])
def test_an_id_that_is_none_is_never_told(client, name, value):
    """Ignored: neither echoed nor logged, wherever it came from."""
    reply = client.get("/crash", {name: value})

    assert_no_secret(reply)
    for record in reply.log_records:
        assert SECRET not in str(record.trace_id)
        assert value not in record.message


# --- headers and logs -----------------------------------------------------------------------------


CHARACTERS = (
    [*map(chr, (*range(32), 127)), "\x85", "\u2028"] if ALL else "\0\t\n\r\x1b\x7f\x85\u2028"
)


@pytest.mark.parametrize("character", CHARACTERS, ids=ascii)
def test_no_header_can_be_ended_by_a_value(client, character):
    """A control character is a space, or the header is dropped where it cannot be sent."""
    value = f"a{character}X-Injected: yes"

    def plan():
        raise errorshape.UnauthorizedError(headers={"X-Value": value}, scheme=value)

    reply = planned(client, plan)

    assert not reply.all("x-injected")
    assert reply.all("x-value") in ([], ["a X-Injected: yes"])
    assert reply.all("www-authenticate") in (["Bearer"], [], ["a X-Injected: yes"])


FORGED = "\r\n2040-01-01 ERROR forged\x1b[2J\u2028"


def test_no_record_can_be_forged_by_a_message(client):
    """What errorshape writes on a line stays on it."""

    def plan():
        raise errorshape.ServiceUnavailableError(f"Later.{FORGED}")

    assert_one_line_each(planned(client, plan))


@pytest.mark.parametrize("protocol", ["asgi", "wsgi"])
def test_no_record_can_be_forged_by_a_path_or_a_method(protocol):
    """Both are the client's to choose."""
    layer = errorshape.ErrorLayer()
    script.plan = None

    async def asgi_app(scope, receive, send):
        raise RuntimeError

    def wsgi_app(environ, start_response):
        raise RuntimeError

    request = Request("GET", "/a\n2040-01-01 ERROR forged\x1b[2J")
    if protocol == "asgi":
        reply = run_asgi(errorshape.asgi.ErrorShapeMiddleware(asgi_app, layer), request)
    else:
        reply = run_wsgi(wsgi.ErrorShapeMiddleware(wsgi_app, layer), request)

    assert_one_line_each(reply)


def assert_one_line_each(reply):
    records = [r for r in reply.log_records if r.logger == "errorshape"]
    assert records
    for record in records:
        assert record.message.isprintable()


def test_no_record_can_be_forged_by_a_code(client):
    """A code that is none is not sent, and its record stays on its line."""
    error = type("OddError", (errorshape.APIError,), {"code": f"odd{FORGED}"})

    def plan():
        raise error

    reply = planned(client, plan)

    assert_shape(reply, "internal_error")
    assert_one_line_each(reply)


# --- size and time --------------------------------------------------------------------------------

HUGE = 10_000_000


@pytest.mark.parametrize("name", ["X-Request-Id", "traceparent", "tracestate", "Accept"])
@pytest.mark.parametrize("unit", ["a", "-", "00-", "\xff"] if ALL else ["a", "\xff"])
def test_a_huge_header_costs_little(client, name, unit):
    """Ten megabytes are looked at once, and are in no response and no record."""
    value = unit * (HUGE // len(unit))
    headers = {name: value}
    if name == "tracestate":
        headers["traceparent"] = f"00-{'1' * 32}-{'2' * 16}-01"

    began = time.process_time()
    reply = client.get("/crash", headers)

    assert time.process_time() - began < 2
    # DRF reads Accept before it calls the view, and has nothing to offer for this one.
    refused = client.stack.name == "drf" and name == "Accept"
    assert_shape(reply, "not_acceptable" if refused else "internal_error")
    assert len(reply.one("x-request-id")) <= 128
    assert all(len(record.message) < 10_000 for record in own_errors(reply))


def test_a_huge_path_costs_little(client):
    """It is in no response; what errorshape logs of it is cut, however large the server's bound."""
    path = "/nowhere/" + "a" * 1_000_000

    began = time.process_time()
    reply = client.get(path)

    assert time.process_time() - began < 2
    assert_shape(reply, "not_found")
    assert all(len(r.message) < 2_000 for r in reply.log_records if r.logger == "errorshape")


def test_many_headers_cost_little(client):
    """So are twenty thousand of them, of which the id is one among the last."""
    headers = [(f"X-Header-{number}", "v") for number in range(20_000)]

    began = time.process_time()
    reply = client.get("/crash", [*headers, ("X-Request-Id", "mine-1")])

    assert time.process_time() - began < 5
    assert_shape(reply, "internal_error")
    assert reply.one("x-request-id") == "mine-1"


@pytest.mark.parametrize("path", ["/json", "/validate"])
@pytest.mark.parametrize("bomb", [b"[" * 100_000, b'{"a":' * 100_000], ids=["lists", "objects"])
def test_a_depth_bomb_is_answered(client, path, bomb):
    """By the parser's own refusal, or as a crash where it gives up: small, and at once."""
    began = time.process_time()
    reply = client.post(path, bomb, {"Content-Type": "application/json"})

    assert time.process_time() - began < 2
    assert reply.error["code"] in ("validation_error", "internal_error")
    assert_shape(reply, reply.error["code"])
    assert len(reply.body) < 1_000


def bounded(make, seconds=1.0):
    """Send an error; its body, which is small, and was so quickly."""
    layer = errorshape.ErrorLayer()
    error = make()
    began = time.process_time()
    response = layer.respond(error, trace_id="mine-1", request=About())
    assert time.process_time() - began < seconds
    assert len(response.body) <= 16 * 1024
    assert wire.decode(response.body) is not None
    return response


def nested(depth, wrap, leaf="x"):
    value = leaf
    for _ in range(depth):
        value = wrap(value)
    return value


class Same:
    """A key whose hash everybody has."""

    def __hash__(self):
        return 1


@pytest.mark.parametrize(
    "details",
    [
        lambda: {"list": nested(100_000, lambda value: [value])},
        lambda: {"dict": nested(100_000, lambda value: {"k": value})},
        lambda: {"tuple": nested(100_000, lambda value: (value,))},
        lambda: {"wide": nested(4, lambda value: [value] * 1_000)},
        lambda: {"text": "x" * HUGE},
        lambda: {"bytes": b"\xff" * HUGE},
        lambda: {"int": 10**4_000},
        lambda: {"x" * HUGE: "key"},
        lambda: dict.fromkeys(range(1_000_000), "many"),
        lambda: {str(number): "\N{SNOWMAN}" * 1_000 for number in range(10_000)},
        lambda: {Same(): "collides" for _ in range(1_000)},
        lambda: {n * (2**61 - 1): "collides" for n in range(2_000)},
    ],
    ids="list dict tuple wide text bytes int key many large same-hash colliding-ints".split(),
)
def test_no_detail_is_too_much(details):
    """Depth bombs, floods and collisions: what is sent is bounded, and so is the time it takes."""
    bounded(lambda: errorshape.ConflictError("Taken.", details=details()))


@pytest.mark.parametrize(
    "message",
    [lambda: "x" * HUGE, lambda: nested(100_000, lambda v: [v]), lambda: "\ud800" * HUGE],
    ids=["long", "deep", "surrogates"],
)
def test_no_message_is_too_much(message):
    """It is cut before it is looked at."""
    bounded(lambda: errorshape.ConflictError(message()))


def test_many_headers_are_no_danger():
    """What an error carries along is the application's; it is looked at once."""
    bounded(lambda: errorshape.ConflictError(headers=[("X-Many", "v" * 100)] * 10_000), seconds=2)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: nested(5_000, lambda e: ExceptionGroup("g", [e]), ValueError()), "internal_error"),
        (lambda: nested(5_000, lambda e: ExceptionGroup("g", [e]), errorshape.GoneError()), "gone"),
        (lambda: RuntimeError("x" * HUGE), "internal_error"),
    ],
    ids=["groups", "groups of an error", "text"],
)
def test_no_exception_is_too_deep(client, make, code):
    """Groups in groups, and texts without end: answered, whatever the formatters make of it."""

    def plan():
        raise make()

    began = time.process_time()
    reply = planned(client, plan)

    assert time.process_time() - began < 5
    assert (reply.status, reply.error["code"]) == (410 if code == "gone" else 500, code)


@pytest.mark.parametrize(
    "body",
    [b"[" * 16_000, b'{"error":' * 1_700, b'{"a":' * 3_000, b"\xff" * 16_000, b"9" * 16_000],
    ids=["lists", "errors", "objects", "bytes", "digits"],
)
def test_no_body_that_is_looked_at_is_too_deep(body):
    """``reshape="all"`` reads what services behind us have sent."""
    layer = errorshape.ErrorLayer(reshape="all")
    began = time.process_time()

    response = layer.reshape(502, [("Content-Type", "application/json")], body, trace_id="mine-1")

    assert time.process_time() - began < 1
    assert response is not None
    assert wire.decode(response.body) is not None


def test_collecting_a_body_has_a_bound():
    """A flood of JSON is let through, or replaced, after 16 KiB: it is never held as a whole."""
    given = 0

    def flood():
        nonlocal given
        while given < 10_000_000:
            given += 1_000
            yield b"1" * 1_000

    def app(environ, start_response):
        start_response("409 Conflict", [("Content-Type", "application/json")])
        return flood()

    reply = run_wsgi(wsgi.ErrorShapeMiddleware(app, reshape="all"), Request("GET", "/"))

    assert_shape(reply, "conflict")
    assert given <= 20_000
    assert not reply.logged(logging.ERROR)
