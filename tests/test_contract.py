"""The contract, once, on every stack: in process under a strict stand-in server, and on real ones.

``client`` is every stack in both ways; ``configured`` builds one with other options, in process.
The sections are those of the contract.
"""

import asyncio
import json
import logging
import re
import uuid
from collections import Counter

import pytest

import errorshape
import errorshape.asgi
import errorshape.wsgi
from tests import logs
from tests.clients import InProcess, OverServer
from tests.drivers import Request, WebSocketExchange, run_asgi, run_wsgi
from tests.stacks import STACKS, script
from tests.stacks.script import SECRET

DOCUMENTED = {
    "validation_error": 400,
    "unauthorized": 401,
    "invalid_grant": 401,
    "forbidden": 403,
    "mfa_required": 403,
    "sso_required": 403,
    "not_found": 404,
    "conflict": 409,
    "rate_limited": 429,
    "internal_error": 500,
}
FURTHER = {
    "unprocessable_entity": 422,
    "payment_required": 402,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "request_timeout": 408,
    "gone": 410,
    "length_required": 411,
    "precondition_failed": 412,
    "content_too_large": 413,
    "uri_too_long": 414,
    "unsupported_media_type": 415,
    "range_not_satisfiable": 416,
    "expectation_failed": 417,
    "im_a_teapot": 418,
    "misdirected_request": 421,
    "locked": 423,
    "failed_dependency": 424,
    "too_early": 425,
    "upgrade_required": 426,
    "precondition_required": 428,
    "request_header_fields_too_large": 431,
    "unavailable_for_legal_reasons": 451,
    "not_implemented": 501,
    "bad_gateway": 502,
    "service_unavailable": 503,
    "gateway_timeout": 504,
    "http_version_not_supported": 505,
}
STATUS_OF = DOCUMENTED | FURTHER | {"quota_exceeded": 403}
# The first code of each status is the one that a bare status gets.
CODE_OF = {status: code for code, status in reversed((DOCUMENTED | FURTHER).items())}

#: A response header that every reply has and that says nothing about the error.
UNCOUNTED = {"date", "server", "via", "connection"}


# --- who is asked --------------------------------------------------------------------------------


class Target:
    """A stack and the way to it, as the parameter of a test."""

    def __init__(self, stack, server=None):
        self.stack = stack
        self.server = server

    def __str__(self):
        return f"{self.stack}@{self.server}" if self.server else str(self.stack)


TARGETS = [Target(stack) for stack in STACKS] + [
    Target(stack, server) for stack in STACKS for server in stack.servers
]


def on(condition):
    """Run a test on some of the stacks only: those of which the contract says something there."""
    chosen = [target for target in TARGETS if condition(target.stack)]
    assert chosen
    return pytest.mark.parametrize("client", chosen, ids=str, indirect=True)


def in_process(condition=lambda stack: True):
    """Run a test on stacks in process only: it looks at what no client can see, or ends servers."""
    chosen = [t for t in TARGETS if t.server is None and condition(t.stack)]
    assert chosen
    return pytest.mark.parametrize("client", chosen, ids=str, indirect=True)


#: What only a real connection shows.
on_servers = pytest.mark.parametrize(
    "client", [target for target in TARGETS if target.server], ids=str, indirect=True
)


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """Each client is made once: applications are long-lived, and servers slow to start."""
    clients = {}

    def client_of(target):
        if target not in clients:
            if target.server is None:
                clients[target] = InProcess(target.stack, target.stack.build())
            else:
                log = tmp_path_factory.mktemp("logs") / f"{target}.log"
                clients[target] = OverServer.started(target.stack, target.server, log)
        return clients[target]

    yield client_of
    for client in clients.values():
        if isinstance(client, OverServer):
            client.stop()


@pytest.fixture(params=TARGETS, ids=str)
def client(request, running):
    """Every stack with the script's own options, in process and on real servers."""
    return running(request.param)


@pytest.fixture(params=STACKS, ids=str)
def stack(request):
    """Every stack, not yet built."""
    return request.param


@pytest.fixture
def configured(stack):
    """Build the stack with options of the test's choice."""
    return lambda **options: InProcess(stack, stack.build(**options))


# --- what every error looks like -----------------------------------------------------------------


def pairs_of(body):
    """Parse strictly: UTF-8, no NaN, no lone surrogate, no key twice; objects as pairs in their order."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    parsed = json.loads(body.decode("utf-8"), object_pairs_hook=list, parse_constant=refuse)
    json.dumps(parsed, ensure_ascii=False).encode("utf-8")
    return parsed


def assert_error(reply, code, *, status=None, message=None, details=None):
    """Hold a reply against all that the contract says of every error; return its ``error``."""
    assert (reply.status, reply.complete, reply.failure) == (status or STATUS_OF[code], True, None)
    assert_shape(reply, code)
    error = reply.error
    assert error.get("details") == details
    if message is not None:
        assert error["message"] == message
    return error


def assert_shape(reply, code):
    """Hold body, headers and log records against each other."""
    assert reply.one("content-type") == "application/json"
    assert reply.one("content-length") == str(len(reply.body))
    assert reply.one("cache-control") == "no-store"
    assert len(reply.body) <= 16 * 1024

    ((top, pairs),) = pairs_of(reply.body)
    assert top == "error"
    keys = [key for key, _ in pairs]
    assert keys in (["code", "message", "trace_id"], ["code", "message", "trace_id", "details"])
    error = dict(pairs)
    assert error["code"] == code
    assert re.fullmatch("[a-z][a-z0-9_]*", error["code"])
    assert isinstance(error["message"], str)
    assert error["message"]
    assert error["trace_id"] == reply.one("x-request-id")
    if "details" in error:
        assert error["details"]
        assert all(isinstance(text, str) for pair in error["details"] for text in pair)
        names = [name for name, _ in error["details"]]
        assert len(set(names)) == len(names)

    assert_no_secret(reply)
    assert_records_carry_the_id(reply)


def assert_no_secret(reply):
    assert SECRET not in repr((reply.headers, reply.body))


def assert_records_carry_the_id(reply):
    """The server's lines included, but for those after WSGI's close() and about its own failure."""
    after = ("after close", "over", "the application failed")
    ids = {r.trace_id for r in reply.log_records if not (r.is_of_server and r.message in after)}
    assert ids <= {reply.one("x-request-id"), "mine"}


def own_errors(reply):
    """What was logged at ERROR and above, by anybody but the server."""
    return reply.logged(logging.ERROR)


def catalogue_message(status):
    return errorshape.STANDARD[CODE_OF[status]].message


def is_fresh(trace_id):
    """Whether it is a UUID in its canonical text form."""
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", trace_id) is not None


# --- §1 The body ---------------------------------------------------------------------------------


@pytest.mark.parametrize("code", STATUS_OF)
def test_every_code_has_its_status_and_the_shape(client, code):
    """An APIError of the catalogue is sent with its code, its status and no empty details."""
    assert_error(client.get(f"/error/{code}"), code)


def test_message_and_details_are_the_applications(client):
    """Message and details go out as the application gave them."""
    reply = client.get("/details")

    assert_error(
        reply, "not_found", message="Issue iss_01abc123 not found", details={"id": "iss_01abc123"}
    )


def test_every_language_is_sent_as_utf_8(client):
    """What is not ASCII arrives as it was written."""
    reply = client.get("/not-ascii")

    assert_error(
        reply, "conflict", message="Größe 10 € \N{SNOWMAN}", details={"naïve": "日本語"}
    )


def test_a_long_message_is_cut_visibly(client):
    """Past 1,000 characters a message ends, and one sees that it does."""
    message = assert_error(client.get("/too-much/message"), "conflict")["message"]

    assert len(message) <= 1_000
    assert message.endswith("…")
    assert set(message[:-1]) == {"m"}


def test_a_long_detail_is_cut_visibly(client):
    """Past 1,000 characters a detail ends, and one sees that it does."""
    reply = client.get("/too-much/value")

    assert_shape(reply, "conflict")
    (text,) = reply.error["details"].values()
    assert len(text) <= 1_000
    assert text.endswith("…")


def test_many_details_are_cut_visibly(client):
    """Of more than 100 details some are left out, and an entry says so."""
    reply = client.get("/too-much/entries")

    assert_shape(reply, "conflict")
    details = reply.error["details"]
    assert len(details) <= 100
    (cut,) = [name for name in details if not re.fullmatch(r"field\d+", name)]
    assert "…" in cut + details[cut]


def test_a_body_has_at_most_16_kib(client):
    """Many long details in a script of three bytes a character are cut to the size, visibly."""
    reply = client.get("/too-much/everything")

    assert_shape(reply, "conflict")
    assert reply.error["message"].endswith("…")
    assert len(reply.body) > 8 * 1024, "as much as there is room for is sent"
    assert any("…" in name for name in reply.error["details"])


@pytest.mark.parametrize("kind", script.ODD_VALUES)
def test_a_detail_of_any_type_is_made_text(client, kind):
    """Encoding never fails: a detail that JSON has no text for is made one."""
    reply = client.get(f"/odd-details/{kind}")

    assert reply.status == 409
    assert_shape(reply, "conflict")
    assert set(reply.error["details"]) == {"value"}


@pytest.mark.parametrize("kind", script.ODD_VALUES)
def test_a_message_of_any_type_is_made_text(client, kind):
    """Encoding never fails: a message that JSON has no text for is made one."""
    assert_error(client.get(f"/odd-message/{kind}"), "conflict")


def test_text_is_kept_where_there_is_one(client):
    """A str subclass, a lazy string and bytes in UTF-8 are the text that they stand for."""
    texts = {
        kind: client.get(f"/odd-details/{kind}").error["details"]["value"]
        for kind in ("str-subclass", "lazy", "bytes")
    }

    assert texts == {"str-subclass": "text", "lazy": "later", "bytes": "café \N{REPLACEMENT CHARACTER}"}


def test_keys_of_any_type_are_made_text(client):
    """Encoding never fails: no key of the details is lost for its type."""
    reply = client.get("/odd-keys")

    assert_shape(reply, "conflict")
    assert Counter(reply.error["details"].values()) == Counter(
        ["int", "none", "bytes", "tuple", "subclass"]
    )


# --- §2 The codes --------------------------------------------------------------------------------


def test_every_status_has_a_code(client):
    """Each status from 400 to 599 keeps itself and has a code, from a table that does not change."""
    for status in range(400, 600):
        code = CODE_OF.get(status) or ("client_error" if status < 500 else "server_error")
        assert_error(client.get(f"/prebuilt/text/{status}"), code, status=status)


def test_the_ten_documented_codes_come_first():
    """The catalogue iterates in the order of the documentation."""
    catalog = [(entry.code, entry.status) for entry in errorshape.STANDARD]

    assert catalog[:10] == list(DOCUMENTED.items())
    assert FURTHER.items() <= set(catalog)


def test_one_code_twice_is_an_error():
    """Two entries with one code are refused when the catalogue is built, both by their names."""

    class One(errorshape.APIError):
        code = "twice"
        status = 400

    class Two(errorshape.APIError):
        code = "twice"
        status = 401

    with pytest.raises(ValueError, match=r"twice.*One.*Two"):
        errorshape.Catalog(One, Two)


def test_an_undocumented_code_is_sent_and_logged_once(client):
    """A code that is in no catalogue is sent all the same, and logged once as undocumented."""
    code = f"odd_{uuid.uuid4().hex}"

    replies = [client.get(f"/unknown-code/{code}") for _ in range(3)]

    for reply in replies:
        assert_error(reply, code, status=409, message="Odd.")
    notes = [
        record
        for reply in replies
        for record in reply.logged(logging.WARNING)
        if record.logger.startswith("errorshape") and code in record.message
    ]
    assert len(notes) == 1


# --- §3 Headers ----------------------------------------------------------------------------------

ANY_RESPONSE = {
    "/ok": 200,
    "/created": 201,
    "/no-content": 204,
    "/redirect": 302,
    "/not-modified": 304,
    "/prebuilt/json/409": 409,
    "/prebuilt/image/404": 404,
    "/nowhere": 404,
    "/stream/good": 200,
    "/stream/nothing": 200,
    "/native/404": 404,
    "/crash": 500,
    "/own-request-id": 200,
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ANY_RESPONSE)
def test_every_response_has_the_trace_id(client, path, method):
    """Exactly one X-Request-Id is on every response, whatever its status and the method."""
    reply = client.request(method, path, {"X-Request-Id": "from.the/client:1"})

    assert (reply.status, reply.complete) == (ANY_RESPONSE[path], True)
    assert reply.one("x-request-id") == "from.the/client:1"
    assert_records_carry_the_id(reply)


def test_responses_that_are_no_errors_stay(client):
    """2xx and 3xx are not changed but for the one header."""
    assert client.get("/ok").body == b"ok"
    assert client.get("/stream/good").body == b"first,second"
    assert client.get("/stream/empty-first").body == b"first,second"
    created = client.get("/created")
    assert (created.body, created.one("location")) == (b'{"id":"iss_1"}', "/issues/iss_1")
    assert created.one("content-type") == "application/json"
    assert not created.all("cache-control")
    assert client.get("/redirect").one("location") == "/elsewhere"
    assert client.get("/not-modified").one("etag") == '"v1"'


def test_head_of_a_response_stays(client):
    """HEAD of a 2xx is as the application gave it."""
    reply = client.head("/ok")

    assert (reply.status, reply.body, reply.one("content-length")) == (200, b"", "2")


@pytest.mark.parametrize(
    ("kind", "names"), [("another", ["x-total", "x-request-id"]), ("already", ["x-total", "x-request-id"])]
)
def test_browsers_may_read_the_trace_id(client, kind, names):
    """Where Access-Control-Expose-Headers is, X-Request-Id is in it, once."""
    exposed = ",".join(client.get(f"/expose/{kind}").all("access-control-expose-headers"))

    assert [name.strip().lower() for name in exposed.split(",")] == names


def test_no_header_is_exposed_without_the_applications_doing(client):
    """A response without Access-Control-Expose-Headers does not get one."""
    assert not client.get("/ok").all("access-control-expose-headers")


@pytest.mark.parametrize("path", ["/error/unauthorized", "/error/invalid_grant", "/prebuilt/text/401"])
def test_401_says_how_to_authenticate(client, path):
    """A 401 that names no challenge has Bearer."""
    assert client.get(path).one("www-authenticate") == "Bearer"


@pytest.mark.parametrize(("kind", "value"), [("scheme", "Basic"), ("header", 'DPoP algs="ES256"')])
def test_a_challenge_is_kept(client, kind, value):
    """A 401 that names its challenge keeps it, alone."""
    reply = client.get(f"/challenge/{kind}")

    assert_error(reply, "unauthorized")
    assert reply.one("www-authenticate") == value


def test_the_wrong_method_is_405_with_allow(client):
    """Where the framework knows which methods a route has, the 405 says so."""
    reply = client.post("/ok")

    assert_error(reply, "method_not_allowed")
    allowed = {method.strip() for method in reply.one("allow").split(",")}
    assert allowed - {"OPTIONS"} == {"GET", "HEAD"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/retry/none", "1"),
        ("/retry/zero", "0"),
        ("/retry/seconds", "30"),
        ("/retry/date", script.HOUR.http_date),
        ("/retry/503-seconds", "120"),
        ("/retry/503-header", "7"),
        ("/error/rate_limited", "1"),
        ("/prebuilt/text/429", "1"),
        ("/prebuilt-headers/429", "0"),
        ("/prebuilt-headers/503", "0"),
    ],
)
def test_retry_after(client, path, value):
    """A 429 always says when to try again, a 503 when it is known; 0 and dates survive."""
    reply = client.get(path)

    assert_shape(reply, "service_unavailable" if reply.status == 503 else "rate_limited")
    assert reply.one("retry-after") == value


def test_503_without_a_time_has_no_retry_after(client):
    """Nobody knows when a service is back that does not say so."""
    reply = client.get("/retry/503")

    assert_error(reply, "service_unavailable")
    assert not reply.all("retry-after")


def test_the_default_of_retry_after_is_an_option(configured):
    """``retry_after`` is what a 429 has that names nothing."""
    client = configured(retry_after=60)

    assert client.get("/retry/none").one("retry-after") == "60"
    assert client.get("/prebuilt/text/429").one("retry-after") == "60"
    assert client.get("/retry/zero").one("retry-after") == "0"


@pytest.mark.parametrize("status", [403, 416, 500])
def test_a_replaced_body_takes_its_headers_along(client, status):
    """What spoke of the old body is dropped, all else is kept; Content-Range speaks on 416 only."""
    reply = client.get(f"/prebuilt-headers/{status}")

    assert_error(reply, CODE_OF[status])
    for name in script.DROPPED:
        assert reply.all(name) == [], name
    for name, value in script.KEPT.items():
        assert reply.one(name) == value
    assert reply.all("content-range") == (["bytes */1000"] if status == 416 else [])
    cookies = [cookie.partition(";")[0] for cookie in reply.all("set-cookie")]
    assert cookies == ["first=1", "second=2"]


def test_headers_of_an_error_are_sent(client):
    """An APIError's own headers go out with it."""
    reply = client.get("/error-headers")

    assert_error(reply, "forbidden")
    assert (reply.one("x-scope"), reply.one("link")) == ("repo:write", "</help>; rel=help")


def test_control_characters_become_spaces(client):
    """No value can end its header: each control character is a space."""
    reply = client.get("/odd-headers/control")

    assert_error(reply, "conflict")
    assert reply.one("x-odd") == "a  X-Injected: b c d e"
    assert not reply.all("x-injected")


def test_a_challenge_cannot_end_its_header(client):
    """The same holds for WWW-Authenticate."""
    reply = client.get("/challenge/control")

    assert_error(reply, "unauthorized")
    assert reply.one("www-authenticate") == "Basic  X-Injected: yes"
    assert not reply.all("x-injected")


@pytest.mark.parametrize(
    ("kind", "dropped"),
    [("name", "bad name"), ("snowman", "x-snow")],
)
def test_a_header_that_cannot_be_sent_is_dropped_and_logged(client, kind, dropped):
    """The error goes out without it, and the log says so."""
    reply = client.get(f"/odd-headers/{kind}")

    assert_error(reply, "conflict")
    assert not reply.all(dropped)
    assert reply.one("x-kept") == "yes"
    assert [r for r in reply.logged(logging.WARNING) if "header" in r.message]


@on(lambda stack: stack.protocol == "wsgi")
def test_a_hop_by_hop_header_is_dropped_and_logged(client):
    """PEP 3333 leaves these to the server, and servers fail on them."""
    reply = client.get("/odd-headers/hop-by-hop")

    assert_error(reply, "conflict")
    assert not reply.all("keep-alive")
    assert reply.one("x-kept") == "yes"
    assert [r for r in reply.logged(logging.WARNING) if "header" in r.message]


def test_a_header_of_any_type_does_not_fail(client):
    """Building and encoding an error never raises for its headers' values."""
    reply = client.get("/odd-headers/type")

    assert_error(reply, "conflict")
    assert reply.one("x-kept") == "yes"


def test_an_error_cannot_set_the_headers_that_errorshape_sets(client):
    """Length, type and trace id are right, whatever headers the APIError brings."""
    reply = client.get("/odd-headers/ours")

    assert_error(reply, "conflict")
    assert reply.one("x-kept") == "yes"
    assert reply.one("x-request-id") != "forged"


# --- §4 The trace id -----------------------------------------------------------------------------

UUID_1 = "7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"

VALID_IDS = ["a", UUID_1, "7", "ABCxyz019._~+/=:@-", "-", "x" * 128, "Root=1-67891233-abcdef01"]
INVALID_IDS = {
    "too long": "x" * 129,
    "far too long": "x" * 5_000,
    "space": "xyzzy plugh",
    "comma": "xyzzy,plugh",
    "semicolon": "xyzzy;plugh",
    "quote": '"xyzzyplugh"',
    "percent": "xyzzy%0aplugh",
    "brace": "{xyzzyplugh}",
    "backslash": "xyzzy\\plugh",
    "tab": "xyzzy\tplugh",
    "not ascii": "xyzzy\xe4plugh",
    "digit of another script": "xyzzy\xb2plugh",
}
# Servers refuse these or cut them off; an application can still be given them.
INVALID_IN_PROCESS = {"newline at the end": "xyzzyplugh\n", "null": "xyzzy\0plugh", "empty": ""}


@pytest.mark.parametrize("value", VALID_IDS, ids=lambda value: value[:20])
def test_a_valid_inbound_id_is_taken(client, value):
    """One X-Request-Id of 1 to 128 allowed characters is the request's trace id."""
    reply = client.get("/crash", {"X-Request-Id": value})

    assert assert_error(reply, "internal_error")["trace_id"] == value


@pytest.mark.parametrize("value", INVALID_IDS.values(), ids=INVALID_IDS)
def test_an_invalid_inbound_id_is_ignored(client, value):
    """It is neither taken, nor echoed, nor logged."""
    assert_ignored(client.get("/crash", {"X-Request-Id": value}), value)


@in_process()
@pytest.mark.parametrize("value", INVALID_IN_PROCESS.values(), ids=INVALID_IN_PROCESS)
def test_an_invalid_inbound_id_is_ignored_whatever_the_server_lets_through(client, value):
    """What a lax server hands on is refused as well."""
    assert_ignored(client.get("/crash", {"X-Request-Id": value}), value)


def assert_ignored(reply, value):
    assert is_fresh(assert_error(reply, "internal_error")["trace_id"])
    for part in filter(None, [value.strip(), *re.split(r"[^a-z]+", value)]):
        if len(part) > 3:
            assert part not in repr((reply.headers, reply.body, reply.log_records))


def test_two_inbound_ids_are_none(client):
    """Exactly one header counts: of two, even two that are alike, neither is taken."""
    for second in ("another", "xyzzyplugh"):
        reply = client.get("/crash", [("X-Request-Id", "xyzzyplugh"), ("X-Request-Id", second)])
        assert_ignored(reply, "xyzzyplugh")


def test_a_fresh_id_is_a_canonical_uuid(client):
    """Without anything inbound the id is a UUID in its text form, another for each request."""
    ids = [client.get("/ok").one("x-request-id") for _ in range(3)]

    assert all(is_fresh(trace_id) for trace_id in ids)
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    "value",
    [
        TRACEPARENT,
        f"00-{TRACE}-00f067aa0ba902b7-00",
        f"00-{TRACE}-00f067aa0ba902b7-ff",
        f"cc-{TRACE}-00f067aa0ba902b7-01",
        f"cc-{TRACE}-00f067aa0ba902b7-01-what-the-future-brings",
    ],
)
def test_the_trace_id_of_a_traceparent_is_taken(client, value):
    """Without an X-Request-Id the id is the trace-id of a valid traceparent."""
    assert client.get("/ok", {"traceparent": value}).one("x-request-id") == TRACE


@pytest.mark.parametrize(
    "value",
    [
        "xyzzyplugh",
        "",
        TRACE,
        f"00-{TRACE}-00f067aa0ba902b7",
        f"00-{TRACE}-00f067aa0ba902b7-01-more",
        f"00-{TRACE}-00f067aa0ba902b7-01-",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"0-{TRACE}-00f067aa0ba902b7-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00F067AA0BA902B7-01",
        f"00-{TRACE}-00f067aa0ba902b7-0g",
        f"cc-{TRACE}-00f067aa0ba902b7-01x",
        f"00-{TRACE[:-1]}\xb2-00f067aa0ba902b7-01",
    ],
)
def test_an_invalid_traceparent_is_ignored(client, value):
    """One that the W3C's grammar does not allow gives nothing."""
    reply = client.get("/ok", {"traceparent": value})

    assert is_fresh(reply.one("x-request-id"))


def test_two_traceparents_are_none(client):
    """Exactly one header counts."""
    reply = client.get("/ok", [("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT)])

    assert is_fresh(reply.one("x-request-id"))


def test_an_inbound_id_comes_before_a_traceparent(client):
    """The request's own id is the more precise one."""
    reply = client.get("/ok", {"traceparent": TRACEPARENT, "X-Request-Id": "mine-1"})

    assert reply.one("x-request-id") == "mine-1"


def test_a_traceparent_comes_after_an_invalid_inbound_id(client):
    """An invalid X-Request-Id is as good as none."""
    reply = client.get("/ok", {"traceparent": TRACEPARENT, "X-Request-Id": "not valid"})

    assert reply.one("x-request-id") == TRACE


def test_inbound_ids_can_be_distrusted(configured):
    """``trust_inbound=False`` takes no X-Request-Id."""
    reply = configured(trust_inbound=False).get("/crash", {"X-Request-Id": "xyzzyplugh"})

    assert_ignored(reply, "xyzzyplugh")


def test_traceparents_can_be_distrusted(configured):
    """``traceparent=False`` takes no traceparent, and still an X-Request-Id."""
    client = configured(traceparent=False)

    assert is_fresh(client.get("/ok", {"traceparent": TRACEPARENT}).one("x-request-id"))
    assert client.get("/ok", {"X-Request-Id": "mine-1"}).one("x-request-id") == "mine-1"


def test_the_header_can_be_renamed(configured):
    """``trace_header`` is the one that is read and sent; X-Request-Id is then like any other."""
    client = configured(trace_header="X-Correlation-Id")

    reply = client.get("/crash", {"X-Correlation-Id": "mine-1", "X-Request-Id": "another"})

    assert reply.error["trace_id"] == reply.one("x-correlation-id") == "mine-1"
    assert not reply.all("x-request-id")
    assert client.get("/own-request-id").one("x-request-id") == "the-application's-own"
    exposed = client.get("/expose/another").one("access-control-expose-headers")
    assert "x-correlation-id" in exposed.lower()


def test_the_generator_can_be_replaced(configured):
    """``generate`` makes the ids where none is inbound."""
    numbers = iter(range(9))
    client = configured(generate=lambda: f"req-{next(numbers)}")

    assert client.get("/ok").one("x-request-id") == "req-0"
    assert client.get("/ok", {"X-Request-Id": "mine-1"}).one("x-request-id") == "mine-1"
    assert client.get("/crash").error["trace_id"] == "req-1"


def test_the_application_is_given_the_id(client):
    """``errorshape.trace_id()`` is what the header says."""
    reply = client.get("/whoami")

    assert reply.body.decode() == reply.one("x-request-id")


def test_every_record_of_the_request_carries_the_id(client):
    """``%(trace_id)s`` works for anybody's logger; what the application says itself, it keeps."""
    reply = client.get("/log", {"X-Request-Id": "mine-1"})

    assert reply.status == 200
    ids = {record.message: record.trace_id for record in reply.log_records}
    assert ids["plain"] == "mine-1"
    assert ids["from a library"] == "mine-1"
    assert ids["with extra"] == "mine"


@on(lambda stack: stack.protocol == "asgi")
def test_the_servers_own_lines_carry_the_id(client):
    """ASGI: the server's access log, to its very last line, has the id."""
    reply = client.get("/ok", {"X-Request-Id": "mine-1"})

    lines = [record for record in reply.log_records if record.is_of_server]
    assert lines
    assert {record.trace_id for record in lines} == {"mine-1"}


@in_process(lambda stack: stack.protocol == "wsgi")
def test_the_id_is_there_until_close_and_not_after_it(client):
    """WSGI: a record at the end of the body and in close() has the id, the next one ``-``."""
    reply = client.get("/stream/good", {"X-Request-Id": "mine-1"})

    ids = {record.message: record.trace_id for record in reply.log_records}
    assert ids["all sent"] == "mine-1"
    assert ids["stream closed"] == "mine-1"
    assert ids["after close"] == "-"


@in_process()
@pytest.mark.parametrize(
    "path",
    [
        "/ok",
        "/crash",
        "/nowhere",
        "/stream/good",
        "/stream/fails-early",
        *(f"/not-ours/{kind}" for kind in script.NOT_OURS),
    ],
)
def test_nothing_is_left_behind(client, path):
    """Outside a request there is no id, and records have ``-``."""
    client.get(path)

    assert errorshape.trace_id() is None
    with logs.captured() as records:
        logging.getLogger("anybody").warning("outside")
    assert [record.trace_id for record in records] == ["-"]


def test_ids_of_consecutive_requests_are_apart(client):
    """A request that brings no id never has the one of the request before it."""
    first = client.get("/crash", {"X-Request-Id": "xyzzyplugh"})
    second = client.get("/log")

    assert first.one("x-request-id") == "xyzzyplugh"
    assert "xyzzyplugh" not in repr(second)
    assert_records_carry_the_id(second)


def test_ids_of_concurrent_requests_are_apart(client, tmp_path):
    """Fifty requests at once: each sees, logs and answers with its own id, before and after others ran."""
    tags = [f"tag-{n}" for n in range(50)]
    requests = [Request("GET", f"/pause/{tag}", (("X-Request-Id", tag),)) for tag in tags]

    if isinstance(client, OverServer) and client.stack.protocol == "wsgi":
        # The client's own server has one thread.
        many = OverServer.started(client.stack, "waitress", tmp_path / "log", threads=16)
        try:
            replies, records = many.concurrently(requests)
        finally:
            many.stop()
    else:
        replies, records = client.concurrently(requests)

    for tag, reply in zip(tags, replies, strict=True):
        assert (reply.status, reply.one("x-request-id"), reply.body.decode()) == (200, tag, tag)
    seen = [(r.message, r.trace_id) for r in records if r.logger == "app"]
    assert sorted(seen) == sorted((f"{when} {tag}", tag) for tag in tags for when in ("before", "after"))


@pytest.mark.parametrize("path", ["/whoami", "/crash"])
@on_servers
def test_ids_of_pipelined_requests_are_apart(client, path):
    """Requests that come on one connection, before the first is answered, have an id each."""
    given = [(), (("X-Request-Id", "mine-1"),), (), (("X-Request-Id", "mine-2"),), ()]

    replies = client.pipelined([Request("GET", path, headers) for headers in given])

    ids = [reply.one("x-request-id") for reply in replies]
    assert (ids[1], ids[3]) == ("mine-1", "mine-2")
    assert len({trace_id for trace_id in ids if is_fresh(trace_id)}) == 3
    for reply in replies:
        assert reply.one("x-request-id").encode() in reply.body


# --- §5 What becomes which error -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "code", "details"), [("class", "conflict", None), ("function", "not_found", {"row": "7"})]
)
def test_a_registered_exception_is_translated(client, kind, code, details):
    """A class of ``translate`` becomes its APIError, and none of its text is sent."""
    reply = client.get(f"/translated/{kind}")

    assert_error(reply, code, details=details)
    assert not own_errors(reply)


def test_the_frameworks_own_exceptions_keep_status_and_headers(client):
    """Each HTTP exception of the framework goes by its status and keeps its headers."""
    for kind, (status, headers) in client.stack.module.NATIVE.items():
        reply = client.get(f"/native/{kind}")

        assert_error(reply, CODE_OF[status], status=status)
        for name, value in headers.items():
            assert reply.one(name) == value, kind


def test_the_frameworks_messages(client):
    """werkzeug's of a 4xx stay; Django's, which may tell anything, and every 5xx are the catalogue's."""
    for kind, (status, _) in client.stack.module.NATIVE.items():
        reply = client.get(f"/native/{kind}")

        expected = client.stack.module.message_of(kind) or catalogue_message(status)
        assert reply.error["message"] == expected, kind


def test_an_unknown_route_is_not_found(client):
    """The framework's own 404 has the shape."""
    assert_error(client.get("/nowhere"), "not_found")
    assert_error(client.post("/nowhere", b"{}"), "not_found")


@on(lambda stack: stack.framework == "django")
def test_an_unknown_host_is_a_bad_request(client):
    """Django's DisallowedHost is a SuspiciousOperation; the host is not repeated."""
    reply = client.get("/nowhere", {"Host": "xyzzyplugh.example"})

    assert_error(reply, "validation_error", message=catalogue_message(400))
    assert b"xyzzyplugh" not in reply.body


def test_the_applications_own_handlers_come_first(client):
    """What the application handles itself is as it answers it."""
    reply = client.get("/handled")

    assert (reply.status, reply.body) == (418, b'{"mine":true}')
    assert is_fresh(reply.one("x-request-id"))


@in_process(lambda stack: stack.framework == "flask")
def test_flask_error_handlers_of_the_application_come_first(client):
    """One for a status too, before errorshape's or after it; a crash that it answers is logged once."""
    app = InProcess(client.stack, client.stack.build()).app
    flask_app = getattr(app, "app", app)
    for status in (404, 500):
        flask_app.register_error_handler(status, lambda exc: ({"mine": True}, exc.code))

    for path, status in {"/nowhere": 404, "/native/404": 404, "/crash": 500}.items():
        reply = InProcess(client.stack, app).get(path)
        assert (reply.status, json.loads(reply.body)) == (status, {"mine": True})
        assert is_fresh(reply.one("x-request-id"))
        assert len(own_errors(reply)) == (status == 500)


@in_process(lambda stack: stack.framework == "django")
def test_django_error_handlers_of_the_application_come_first(client, monkeypatch):
    """handler404 and handler500 that answer programs are kept; a crash is logged once all the same."""
    from django.http import JsonResponse

    for status in (404, 500):

        def handler(request, exception=None, status=status):
            return JsonResponse({"mine": True}, status=status)

        monkeypatch.setattr(client.stack.module, f"handler{status}", handler, raising=False)

    for path, status in {"/nowhere": 404, "/native/404": 404, "/crash": 500}.items():
        reply = client.get(path)
        assert (reply.status, json.loads(reply.body)) == (status, {"mine": True})
        assert is_fresh(reply.one("x-request-id"))
        assert len(own_errors(reply)) == (status == 500)


@pytest.mark.parametrize("path", ["/crash", "/crash-otherwise", "/group/crash", "/handler-fails"])
def test_a_crash_is_answered_and_logged_once(client, path):
    """Anything else is internal_error, its text is sent to nobody and logged once with its traceback."""
    reply = client.get(path)

    assert_error(reply, "internal_error", message=catalogue_message(500))
    assert_logged_once(reply)


def test_a_crash_in_a_hook_is_answered_and_logged_once(client):
    """A middleware or a hook of the framework fails like a view."""
    for kind in client.stack.module.HOOKS:
        reply = client.get(f"/hook/{kind}")

        assert_error(reply, "internal_error", message=catalogue_message(500))
        assert_logged_once(reply)


def assert_logged_once(reply):
    """One record over all loggers, at ERROR, with the traceback and the id."""
    (record,) = own_errors(reply)
    assert record.level == logging.ERROR
    assert record.trace_id == reply.one("x-request-id")
    assert "Traceback (most recent call last)" in record.traceback
    assert SECRET in record.traceback
    assert sum(SECRET in r.message + r.traceback for r in reply.log_records if not r.is_of_server) == 1


@pytest.mark.parametrize("code", [code for code, status in STATUS_OF.items() if status < 500])
def test_4xx_are_logged_quietly(client, code):
    """A client's mistake is at most INFO and has no traceback; Django's own WARNING may stay."""
    assert_quiet(client.get(f"/error/{code}"))


@pytest.mark.parametrize("path", ["/nowhere", "/native/404", "/native/403", "/native/400", "/group/error"])
def test_4xx_of_the_framework_are_logged_quietly(client, path):
    """The same holds for the framework's own."""
    assert_quiet(client.get(path))


def assert_quiet(reply):
    for record in reply.log_records:
        if record.logger.startswith("django"):
            # Django's own words about it may stay: a WARNING, for a SuspiciousOperation an ERROR
            # of django.security, with a traceback where it has always had one.
            assert record.level <= logging.WARNING or record.logger.startswith("django.security")
        else:
            assert record.level <= logging.INFO
            assert not record.traceback


@pytest.mark.parametrize("code", [code for code, status in STATUS_OF.items() if status >= 500])
def test_an_api_error_of_5xx_is_logged_once(client, code):
    """It is our own doing, so it is an ERROR; nothing has failed, so there is no traceback."""
    reply = client.get(f"/error/{code}")

    assert_error(reply, code)
    (record,) = own_errors(reply)
    assert record.trace_id == reply.one("x-request-id")
    assert not record.traceback


def test_an_api_error_of_5xx_with_a_cause_is_logged_with_it(client):
    """The cause is what the log is for; the body does not have it."""
    reply = client.get("/caused")

    assert_error(reply, "service_unavailable", message="Try again later.")
    (record,) = own_errors(reply)
    assert "ValueError" in record.traceback


def test_a_5xx_of_the_framework_is_logged_once_at_most(client):
    """An HTTP exception of 5xx is no crash, and nobody logs it twice."""
    for kind, (status, _) in client.stack.module.NATIVE.items():
        if status >= 500:
            assert len(own_errors(client.get(f"/native/{kind}"))) <= 1


@pytest.mark.parametrize(
    ("kind", "code"), [("error", "not_found"), ("translated", "conflict"), ("nested", "gone")]
)
def test_a_group_of_one_is_that_one(client, kind, code):
    """An ExceptionGroup with one leaf is that leaf, however deep."""
    reply = client.get(f"/group/{kind}")

    assert_error(reply, code)
    assert not own_errors(reply)


def test_a_group_of_several_is_a_crash(client):
    """Of several errors none is the answer."""
    reply = client.get("/group/two")

    assert_error(reply, "internal_error")
    assert_logged_once(reply)


# Without errorshape it is the same: asgiref carries a sync view's exception from its thread into the
# coroutine that waits for it, where this one is no result that a coroutine may have.
TURNED_BY_THE_FRAMEWORK = {("django_asgi_sync_views", "GeneratorExit"): RuntimeError}


@in_process()
@pytest.mark.parametrize("kind", script.NOT_OURS)
def test_what_is_no_exception_passes_through(client, kind):
    """CancelledError, KeyboardInterrupt, SystemExit and GeneratorExit are raised on, unchanged."""
    reply = client.get(f"/not-ours/{kind}")

    expected = TURNED_BY_THE_FRAMEWORK.get((client.stack.name, kind), script.NOT_OURS[kind])
    assert type(reply.failure) is expected
    assert not reply.complete
    assert not own_errors(reply)


@pytest.mark.parametrize("kind", ["html", "text", "empty", "empty-json"])
@pytest.mark.parametrize("status", [400, 404, 409, 502])
def test_an_error_for_people_is_replaced(client, kind, status):
    """An HTML, plain-text or empty body of a status from 400 on becomes the shape."""
    reply = client.get(f"/prebuilt/{kind}/{status}")

    assert_error(reply, CODE_OF[status], message=catalogue_message(status))


@pytest.mark.parametrize("kind", ["json", "problem", "image", "large-json", "odd-json"])
@pytest.mark.parametrize("status", [400, 502])
def test_an_error_for_programs_stays(client, kind, status):
    """A JSON or other body was meant, and stays with its type."""
    body, headers = script.PREBUILT[kind]

    reply = client.get(f"/prebuilt/{kind}/{status}")

    assert (reply.status, reply.body, reply.complete) == (status, body, True)
    assert reply.one("content-type") == dict(headers)["Content-Type"]


@pytest.mark.parametrize("kind", ["html", "text", "empty-json", "json"])
def test_a_response_that_is_no_error_is_never_replaced(client, kind):
    """Below 400 nobody looks at the body."""
    reply = client.get(f"/prebuilt/{kind}/203")

    assert (reply.status, reply.body) == (203, script.PREBUILT[kind][0])


def test_reshape_all_replaces_json_that_does_not_conform(configured):
    """``reshape="all"`` takes JSON of another shape, of any size; what is not JSON stays."""
    client = configured(reshape="all")

    for kind in ("json", "problem", "large-json", "odd-json", "text", "empty"):
        assert_error(client.get(f"/prebuilt/{kind}/404"), "not_found")
    assert client.get("/prebuilt/image/404").body == b"\x89PNG"
    assert client.get("/prebuilt/json/203").body == b'{"fault":"broken"}'


def test_reshape_all_keeps_json_that_conforms(configured):
    """A body in the shape, with this request's id, was made by somebody who knows."""
    reply = configured(reshape="all").get("/prebuilt-conforming", {"X-Request-Id": "mine-1"})

    assert reply.status == 404
    assert reply.body == b'{"error":{"code":"not_found","message":"Mine.","trace_id":"mine-1"}}'


def test_reshape_none_keeps_all_responses(configured):
    """``reshape="none"`` leaves every body that somebody has built, and shapes what nobody has."""
    client = configured(reshape="none")

    for kind in ("html", "text", "empty-json", "json"):
        reply = client.get(f"/prebuilt/{kind}/404", {"X-Request-Id": "mine-1"})
        assert (reply.status, reply.body) == (404, script.PREBUILT[kind][0])
        assert reply.one("x-request-id") == "mine-1"
    assert_error(client.get("/details"), "not_found", details={"id": "iss_01abc123"})
    assert_error(client.get("/translated/class"), "conflict")
    assert_error(client.get("/crash"), "internal_error")


def test_reshape_none_keeps_the_frameworks_pages(configured):
    """With it, the framework's own HTTP exceptions have the body that they have without errorshape."""
    reply = configured(reshape="none").get("/nowhere")

    assert reply.status == 404
    assert b"Not Found" in reply.body
    assert reply.one("content-type").startswith("text/html")
    assert is_fresh(reply.one("x-request-id"))


def test_reshape_all_decides_head_by_headers_alone(configured):
    """Of a HEAD nobody sees the body: what is too long to conform is replaced, the rest stays."""
    client = configured(reshape="all")

    assert client.head("/prebuilt/json/404").one("content-length") == "18"
    large = client.head("/prebuilt/large-json/404")
    assert (large.status, large.body, large.one("cache-control")) == (404, b"", "no-store")
    assert int(large.one("content-length")) < 1_000


@pytest.mark.parametrize("outside", [{"include": ["/api/"]}, {"exclude": ["/"]}])
def test_outside_of_include_only_the_header_is_ours(configured, outside):
    """Bodies under other prefixes stay as they are; headers and logs are everywhere."""
    client = configured(**outside)

    for path, status in {"/prebuilt/text/404": 404, "/nowhere": 404}.items():
        reply = client.get(path, {"X-Request-Id": "mine-1"})
        assert (reply.status, reply.one("x-request-id")) == (status, "mine-1")
        assert not reply.one("content-type").startswith("application/json")
        assert_records_carry_the_id(reply)


def test_inside_of_include_and_outside_of_exclude_errors_are_shaped(stack, configured):
    """Prefixes are compared as they are written."""
    client = configured(
        include=[f"{stack.prefix}/prebuilt/", f"{stack.prefix}/cra"],
        exclude=[f"{stack.prefix}/prebuilt/html/"],
    )

    assert_error(client.get("/prebuilt/text/404"), "not_found")
    assert_error(client.get("/crash"), "internal_error")
    assert client.get("/prebuilt/html/404").body == b"<h1>broken</h1>"
    assert client.get("/prebuilt-headers/403").body == b"broken"


@in_process(lambda stack: stack.framework != "raw")
def test_the_framework_reports_a_crash_once(client):
    """got_request_exception is sent for what nobody expected, and for nothing else."""
    for path, times in {
        "/crash": 1,
        "/group/crash": 1,
        "/error/internal_error": 0,
        "/error/not_found": 0,
        "/translated/class": 0,
        "/group/error": 0,
        "/native/404": 0,
        "/nowhere": 0,
    }.items():
        with client.stack.module.unhandled() as reported:
            client.get(path)
        assert len(reported) == times, path


# Only where Flask itself is what the test client calls: a wrap around it stands for the server.
FLASK = in_process(lambda stack: stack.framework == "flask" and not stack.wrapped)


@FLASK
@pytest.mark.parametrize("setting", ["TESTING", "DEBUG", "PROPAGATE_EXCEPTIONS"])
def test_flask_raises_a_crash_where_it_is_told_to(client, setting, monkeypatch):
    """TESTING, DEBUG and PROPAGATE_EXCEPTIONS let a crash through; expected errors are answered."""
    monkeypatch.setitem(client.app.config, setting, True)

    reply = client.get("/crash")

    assert isinstance(reply.failure, RuntimeError)
    assert len(own_errors(reply)) <= 1
    assert_error(client.get("/error/conflict"), "conflict")
    assert_error(client.get("/nowhere"), "not_found")


@FLASK
def test_flask_does_not_raise_where_it_is_told_not_to(client, monkeypatch):
    """PROPAGATE_EXCEPTIONS = False counts more than TESTING."""
    monkeypatch.setitem(client.app.config, "TESTING", True)
    monkeypatch.setitem(client.app.config, "PROPAGATE_EXCEPTIONS", False)

    assert_error(client.get("/crash"), "internal_error")


@in_process(lambda stack: stack.framework == "django" and not stack.wrapped)
def test_django_raises_a_crash_where_it_is_told_to(client):
    """DEBUG_PROPAGATE_EXCEPTIONS shows a crash to the server; expected errors are answered."""
    from django.test.utils import override_settings

    with override_settings(DEBUG_PROPAGATE_EXCEPTIONS=True):
        assert isinstance(client.get("/crash").failure, RuntimeError)
        assert_error(client.get("/error/conflict"), "conflict")


@pytest.mark.parametrize("stack", [s for s in STACKS if s.framework == "django"], ids=str)
def test_django_keeps_its_debug_page(configured):
    """With ``debug=True`` and DEBUG a crash has Django's own page; expected errors are shaped."""
    from django.test.utils import override_settings

    client = configured(debug=True)

    with override_settings(DEBUG=True):
        page = client.get("/crash")
        assert page.status == 500
        assert page.one("content-type").startswith("text/html")
        assert SECRET.encode() in page.body
        assert is_fresh(page.one("x-request-id"))
        assert_error(client.get("/error/conflict"), "conflict")


@pytest.mark.parametrize("stack", [s for s in STACKS if s.framework == "raw"], ids=str)
def test_debug_raises_a_crash(configured):
    """With ``debug=True`` what nobody expected reaches the server or its debugger as it was."""
    client = configured(debug=True)

    reply = client.get("/crash")

    assert isinstance(reply.failure, RuntimeError)
    assert len(own_errors(reply)) == 1
    assert_error(client.get("/error/conflict"), "conflict")


def test_the_django_test_client_raises_a_crash():
    """The client of Django's own tests goes by got_request_exception, as it always has."""
    import django
    from django.test import Client

    django.setup()

    with pytest.raises(RuntimeError, match=SECRET):
        Client().get("/crash")
    assert Client(raise_request_exception=False).get("/crash").json()["error"]["code"] == (
        "internal_error"
    )


# --- §6 When it is too late ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["fails-early", "fails-early-known"])
def test_a_failure_before_the_first_byte_is_an_error(client, kind):
    """A response that has begun, but has no byte yet, becomes the error it failed with."""
    reply = client.get(f"/stream/{kind}")

    assert_error(reply, "internal_error" if kind == "fails-early" else "conflict")
    if kind == "fails-early":
        assert_logged_once(reply)
    else:
        assert_quiet(reply)
    assert not reply.all("transfer-encoding")


@pytest.mark.parametrize("kind", ["fails-late", "fails-late-known"])
def test_a_failure_after_the_first_byte_cuts_the_response(client, kind):
    """Nothing is appended: the client sees that it is broken, and the log has it once."""
    reply = client.get(f"/stream/{kind}", {"X-Request-Id": "mine-1"})

    assert (reply.status, reply.body, reply.complete) == (200, b"first,", False)
    assert reply.one("x-request-id") == "mine-1"
    (record,) = own_errors(reply)
    assert record.trace_id == "mine-1"
    assert "Traceback (most recent call last)" in record.traceback


@in_process()
def test_a_failure_after_the_first_byte_reaches_the_server(client):
    """It is raised on as it was, so that the server knows what to do."""
    failure = client.get("/stream/fails-late").failure

    assert isinstance(failure, RuntimeError)
    assert str(failure) == SECRET


@pytest.mark.parametrize("kind", script.STREAMS)
def test_a_stream_is_closed_once(client, kind):
    """However a body ends, it is closed exactly once, and the record of it has the id."""
    reply = client.get(f"/stream/{kind}")

    closed = [record for record in reply.log_records if record.message == "stream closed"]
    assert [record.trace_id for record in closed] == [reply.one("x-request-id")]


@pytest.mark.parametrize(
    "path",
    [
        "/error/not_found",
        "/error/unauthorized",
        "/error/rate_limited",
        "/details",
        "/crash",
        "/nowhere",
        "/native/404",
        "/prebuilt/html/404",
        "/prebuilt/text/502",
        "/prebuilt/empty/404",
        "/prebuilt/json/409",
        "/prebuilt-headers/403",
    ],
)
def test_head_has_the_headers_of_get_and_no_body(client, path):
    """HEAD differs from GET in the body alone."""
    get, head = (client.request(m, path, {"X-Request-Id": "mine-1"}) for m in ("GET", "HEAD"))

    assert (head.status, head.body, head.complete) == (get.status, b"", True)
    assert Counter(h for h in head.headers if h[0] not in UNCOUNTED) == Counter(
        h for h in get.headers if h[0] not in UNCOUNTED
    )


def test_there_is_no_body_where_there_can_be_none(client):
    """204 and 304 have none."""
    for path in ("/no-content", "/not-modified"):
        reply = client.get(path)
        assert (reply.body, reply.complete) == (b"", True)

@in_process(lambda stack: stack.protocol == "asgi")
@pytest.mark.parametrize("gone_after", [0, 1, 2])
def test_a_client_that_has_gone_is_no_error(client, gone_after):
    """Nobody is to be woken up for it, and the body is closed if it was begun."""
    request = Request("GET", f"{client.stack.prefix}/stream/good")

    reply = run_asgi(client.app, request, gone_after=gone_after, mixed_case=True)

    assert not reply.complete
    assert not reply.logged(logging.WARNING)
    assert reply.failure is None or isinstance(reply.failure, OSError)
    closed = [record for record in reply.log_records if record.message == "stream closed"]
    assert len(closed) == 1 or gone_after == 0


# --- one inside the other ---


@pytest.mark.parametrize("stack", [s for s in STACKS if not s.wrapped], ids=str)
def test_the_outer_wrap_decides_the_id(stack):
    """Around an application with its own adapter: one id, the outer one's; one shape; one record."""
    wraps = {"asgi": errorshape.asgi, "wsgi": errorshape.wsgi}
    inner = stack.build(generate=lambda: "inner", trust_inbound=False)
    outer = wraps[stack.protocol].ErrorShapeMiddleware(inner, generate=lambda: "outer")
    client = InProcess(stack, outer)

    for path in ("/whoami", "/details", "/crash", "/stream/fails-early", "/prebuilt/text/404"):
        for headers, trace_id in [({}, "outer"), ({"X-Request-Id": "mine-1"}, "mine-1")]:
            reply = client.get(path, headers)
            assert reply.one("x-request-id") == trace_id
            assert_records_carry_the_id(reply)
            assert len(own_errors(reply)) == (reply.status >= 500)
            if path == "/whoami":
                assert reply.body.decode() == trace_id
            else:
                assert reply.error["trace_id"] == trace_id


# --- §6 again: what only an application without a framework can do -------------------------------

START = {"type": "http.response.start", "status": 200, "headers": [(b"x-application", b"yes")]}


def body(data=b"", more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


def asgi(*steps, **options):
    """Send one message after the other, raise an exception among them; return what came of it."""

    async def app(scope, receive, send):
        for step in steps:
            if isinstance(step, BaseException):
                raise step
            await send(step)

    wrapped = errorshape.asgi.ErrorShapeMiddleware(app, **options.pop("layer", {}))
    return run_asgi(wrapped, Request(options.pop("method", "GET"), "/"), **options)


def wsgi(app, **options):
    return run_wsgi(errorshape.wsgi.ErrorShapeMiddleware(app), Request("GET", "/"), **options)


def crash():
    return RuntimeError(SECRET)


@pytest.mark.parametrize(
    "steps", [[], [START]], ids=["no message", "a start alone"]
)
def test_asgi_without_a_response_is_an_error(steps):
    """An application that ends before its response does is logged, and answered while that goes."""
    reply = asgi(*steps)

    assert_error(reply, "internal_error", message=catalogue_message(500))
    assert len(own_errors(reply)) == 1
    assert not reply.all("x-application")


def test_asgi_that_ends_in_the_middle_is_broken():
    """With bytes sent and no end there is nothing to answer: it is logged and the server told."""
    reply = asgi(START, body(b"first,", True))

    assert (reply.status, reply.body, reply.complete) == (200, b"first,", False)
    assert isinstance(reply.failure, Exception)
    assert len(own_errors(reply)) == 1


def test_asgi_two_starts_are_an_error():
    """Nothing was sent yet, so the client gets an error."""
    reply = asgi(START, START, body(b"ok"))

    assert_error(reply, "internal_error", message=catalogue_message(500))
    assert len(own_errors(reply)) == 1


def test_asgi_a_message_after_the_end_is_logged():
    """The response is complete and stays; the log has what the application did."""
    reply = asgi(START, body(b"ok"), body(b"more"))

    assert (reply.status, reply.body, reply.complete) == (200, b"ok", True)
    assert len(own_errors(reply)) == 1


def test_asgi_a_failure_after_the_end_is_logged():
    """Work in the background of a complete response fails for the log alone."""
    reply = asgi(START, body(b"ok"), crash())

    assert (reply.status, reply.body, reply.complete) == (200, b"ok", True)
    assert len(own_errors(reply)) == 1
    assert SECRET in own_errors(reply)[0].traceback


def test_asgi_an_empty_body_message_flushes():
    """The start goes out with the first body message, even an empty one: then it is too late."""
    reply = asgi(START, body(b"", True), crash())

    assert (reply.status, reply.body, reply.complete) == (200, b"", False)
    assert isinstance(reply.failure, RuntimeError)
    assert_no_secret(reply)


def test_asgi_event_streams_are_not_held_back():
    """A client of an event stream sees its start at once."""
    headers = [(b"content-type", b"text/event-stream; charset=utf-8")]

    reply = asgi({**START, "headers": headers}, crash())

    assert (reply.status, reply.complete) == (200, False)
    assert reply.one("content-type").startswith("text/event-stream")
    assert isinstance(reply.failure, RuntimeError)


def test_asgi_extensions_pass_through():
    """Early hints, push and trailers reach the server, in their order."""
    sent = [
        {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]},
        {"type": "http.response.push", "path": "/style.css", "headers": []},
        {**START, "trailers": True},
        body(b"ok"),
        {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False},
    ]
    extensions = ["http.response.early_hint", "http.response.push", "http.response.trailers"]

    reply = asgi(*sent, extensions=extensions)

    assert (reply.status, reply.body, reply.complete, reply.failure) == (200, b"ok", True, None)


def test_asgi_pathsend_passes_through():
    """A file that the server is to send is its affair."""
    pathsend = {"type": "http.response.pathsend", "path": "/srv/file"}

    reply = asgi(START, pathsend, extensions=["http.response.pathsend"])

    assert (reply.status, reply.complete, reply.failure) == (200, True, None)


def test_asgi_a_client_that_has_gone_is_no_error():
    """OSError of ``send`` is how a server says so: nobody is to be woken up for it."""
    for gone_after in (0, 1):
        reply = asgi(START, body(b"first,", True), body(b"second"), gone_after=gone_after)

        assert not reply.logged(logging.WARNING)
        assert reply.failure is None or isinstance(reply.failure, OSError)


def test_asgi_leaving_after_a_disconnect_is_no_error():
    """An application that hears http.disconnect need not answer any more."""

    async def app(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass

    reply = run_asgi(errorshape.asgi.ErrorShapeMiddleware(app), Request("GET", "/"), gone_after=0)

    assert reply.failure is None
    assert not reply.logged(logging.WARNING)


def test_asgi_an_oserror_of_the_applications_own_is_a_crash():
    """Only the client's going makes an OSError harmless."""
    reply = asgi(OSError(SECRET))

    assert_error(reply, "internal_error")
    assert_logged_once(reply)


def test_asgi_lifespan_passes_through():
    """The lifespan belongs to server and application."""
    received = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent = []

    async def receive():
        return next(received)

    async def send(message):
        sent.append(message)

    async def app(scope, receive, send):
        assert (await receive())["type"] == "lifespan.startup"
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        raise RuntimeError("shutdown failed")

    with pytest.raises(RuntimeError, match="shutdown failed"):
        asyncio.run(
            errorshape.asgi.ErrorShapeMiddleware(app)(
                {"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send
            )
        )
    assert sent == [{"type": "lifespan.startup.complete"}]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [204, 304])
def test_asgi_a_response_without_body_can_be_held(status, method):
    """A status that has no body passes with its one header."""
    reply = asgi({**START, "status": status}, body(), method=method)

    assert (reply.status, reply.body, reply.complete) == (status, b"", True)
    assert is_fresh(reply.one("x-request-id"))


# --- WebSockets ---


def websocket(*steps, denial=False):
    async def app(scope, receive, send):
        for step in steps:
            if isinstance(step, BaseException):
                raise step
            await send(step)

    exchange = WebSocketExchange("/", denial=denial)
    headers = [(b"x-request-id", b"mine-1")]
    with logs.captured() as records:
        asyncio.run(exchange.run(errorshape.asgi.ErrorShapeMiddleware(app), headers))
    assert not exchange.violations
    assert exchange.failure is None
    return exchange.messages, [record for record in records if record.level >= logging.ERROR]


ACCEPT = {"type": "websocket.accept"}


def test_a_websocket_is_refused_with_the_shape():
    """Before the accept, a server with the denial extension sends the error as an HTTP response."""
    (start, content), errors = websocket(errorshape.ForbiddenError("Not you."), denial=True)

    assert start["type"] == "websocket.http.response.start"
    assert start["status"] == 403
    headers = dict(start["headers"])
    assert headers[b"x-request-id"] == b"mine-1"
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"content-length"] == str(len(content["body"])).encode()
    assert json.loads(content["body"]) == {
        "error": {"code": "forbidden", "message": "Not you.", "trace_id": "mine-1"}
    }
    assert not errors


def test_a_websocket_is_closed_where_it_cannot_be_refused():
    """Before the accept, a server without the extension can only close."""
    (message,), _ = websocket(errorshape.ForbiddenError())

    assert message["type"] == "websocket.close"


def test_an_open_websocket_is_closed_with_the_trace_id():
    """After the accept a crash closes with 1011, the id is the reason, and the log has it once."""
    (accept, close), errors = websocket(ACCEPT, crash())

    assert accept["type"] == "websocket.accept"
    assert close == {"type": "websocket.close", "code": 1011, "reason": "mine-1"}
    (record,) = errors
    assert SECRET in record.traceback
    assert record.trace_id == "mine-1"


def test_a_close_reason_is_cut_to_its_bound():
    """RFC 6455 leaves 123 bytes for it."""
    exchange = WebSocketExchange("/")

    async def app(scope, receive, send):
        await send(ACCEPT)
        raise crash()

    headers = [(b"x-request-id", b"x" * 128)]
    asyncio.run(exchange.run(errorshape.asgi.ErrorShapeMiddleware(app), headers))

    assert exchange.messages[-1]["reason"] == "x" * 123


def test_a_websocket_that_goes_well_is_left_alone():
    """What the application sends is what the client gets."""
    text = {"type": "websocket.send", "text": "hello"}
    close = {"type": "websocket.close", "code": 4000, "reason": "done"}

    (_, *rest), errors = websocket(ACCEPT, text, close)

    assert rest == [text, close]
    assert not errors


# --- WSGI ---


def test_wsgi_start_response_may_come_late():
    """PEP 3333: a generator calls it before its first chunk."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"ok"

    reply = wsgi(app)

    assert (reply.status, reply.body, reply.complete) == (200, b"ok", True)
    assert is_fresh(reply.one("x-request-id"))


def test_wsgi_write_is_as_good_as_a_chunk():
    """PEP 3333's imperative way: what is written comes first, and with the header."""

    def app(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"written,")
        return [b"returned"]

    reply = wsgi(app)

    assert (reply.status, reply.body, reply.complete) == (200, b"written,returned", True)
    assert is_fresh(reply.one("x-request-id"))


def test_wsgi_a_failure_after_write_cuts_the_response():
    """What was written is sent: nothing is appended to it."""

    def app(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"written,")
        raise crash()

    reply = wsgi(app)

    assert (reply.status, reply.body, reply.complete) == (200, b"written,", False)
    assert isinstance(reply.failure, RuntimeError)
    assert len(own_errors(reply)) == 1


def test_wsgi_a_failure_after_empty_chunks_is_an_error():
    """The start is held back until the first chunk that is not empty."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b""
        yield b""
        raise crash()

    reply = wsgi(app)

    assert_error(reply, "internal_error")
    assert_logged_once(reply)


def test_wsgi_exc_info_replaces_the_start():
    """An application may change its mind while nothing was sent: its own error response counts."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise crash()
        except RuntimeError as exc:
            headers = [("Content-Type", "application/json")]
            start_response("503 Mine", headers, (type(exc), exc, exc.__traceback__))
        return [b'{"mine":true}']

    reply = wsgi(app)

    assert (reply.status, reply.body, reply.complete) == (503, b'{"mine":true}', True)


def test_wsgi_exc_info_raises_where_it_is_too_late():
    """PEP 3333: with a byte sent the exception is raised again."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"first,"
        try:
            raise crash()
        except RuntimeError as exc:
            start_response("500 Mine", [], (type(exc), exc, exc.__traceback__))
        yield b"never"

    reply = wsgi(app)

    assert (reply.status, reply.body, reply.complete) == (200, b"first,", False)
    assert isinstance(reply.failure, RuntimeError)
    assert len(own_errors(reply)) == 1


@pytest.mark.parametrize("result", [[b"body"], [], None], ids=["body", "nothing", "None"])
def test_wsgi_without_start_response_is_an_error(result):
    """A response without a status is none: it is logged and answered."""
    reply = wsgi(lambda environ, start_response: result)

    assert_error(reply, "internal_error", message=catalogue_message(500))
    assert len(own_errors(reply)) == 1


def test_wsgi_two_starts_are_an_error():
    """PEP 3333 forbids a second start_response without exc_info; nothing was sent yet."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    reply = wsgi(app)

    assert_error(reply, "internal_error")
    assert len(own_errors(reply)) == 1


def test_wsgi_a_failure_in_close_is_logged_once():
    """The response is sent; the log has what went wrong after it, with the id."""

    class Body:
        def __iter__(self):
            return iter([b"ok"])

        def close(self):
            raise crash()

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return Body()

    reply = wsgi(app)

    assert (reply.status, reply.body) == (200, b"ok")
    (record,) = own_errors(reply)
    assert record.trace_id == reply.one("x-request-id")
    assert errorshape.trace_id() is None


def test_wsgi_the_body_is_closed_when_the_client_goes():
    """A server that stops early calls close(): it reaches the application's iterable, once."""
    with logs.captured() as records:
        app = errorshape.wsgi.ErrorShapeMiddleware(
            lambda environ, start_response: (
                start_response("200 OK", [("Content-Type", "text/plain")])
                and script.Chunks((b"first,", b"second"))
            )
        )
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_X_REQUEST_ID": "mine-1"}
        body = app(environ, lambda status, headers, exc_info=None: lambda data: None)
        assert next(iter(body)) == b"first,"
        body.close()

    assert [(r.message, r.trace_id) for r in records] == [("stream closed", "mine-1")]


def test_wsgi_a_file_wrapper_passes_through():
    """The server gets its own object back, so that it can send the file as it likes."""

    class FileWrapper:
        def __init__(self, data):
            self.data = data

        def __iter__(self):
            return iter([self.data])

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](b"file")

    started = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "wsgi.file_wrapper": FileWrapper,
        "HTTP_X_REQUEST_ID": "mine-1",
    }
    result = errorshape.wsgi.ErrorShapeMiddleware(app)(
        environ, lambda status, headers, exc_info=None: started.append(headers)
    )

    assert type(result) is FileWrapper
    assert [("X-Request-Id", "mine-1")] == [h for h in started[0] if h[0].lower() == "x-request-id"]


# --- §7 Validation paths -------------------------------------------------------------------------

INVALID_BODIES = {
    "nested": (b'{"connector":{"config":{"api_key":7}}}', "connector.config.api_key"),
    "missing": (b'{"connector":{"config":{}}}', "connector.config.api_key"),
    "missing at the top": (b"{}", "connector"),
    "list item": (
        b'{"connector":{"config":{"api_key":"x"}},"tags":[{"name":7}]}',
        "tags.0.name",
    ),
    "later list item": (
        b'{"connector":{"config":{"api_key":"x"}},"tags":[{"name":"a"},{"name":"b"},7]}',
        "tags.2",
    ),
    "mapping": (b'{"connector":{"config":{"api_key":"x"}},"labels":{"a.b":"c"}}', "labels.*"),
    "enum": (
        b'{"connector":{"config":{"api_key":"x"}},"plan":"%b"}' % SECRET.encode(),
        "plan",
    ),
    "whole": (b"[]", "$"),
    "broken": (b'{"connector":', "$"),
    "nothing": (b"", "$"),
    "not utf-8": (b'{"connector":"\xff"}', None),
}


@pytest.mark.parametrize("kind", INVALID_BODIES)
def test_an_invalid_body_is_a_validation_error_with_its_path(client, kind):
    """Inside ``validating()`` the details have the dot-path; no submitted value is repeated."""
    body, path = INVALID_BODIES[kind]

    reply = client.post("/validate", body, {"Content-Type": "application/json"})

    assert reply.status == 400
    assert_shape(reply, "validation_error")
    assert_quiet(reply)
    if path is not None:
        ((where, message),) = reply.error["details"].items()
        assert where == path
        assert message


@pytest.mark.parametrize("body", [b'{"a":', b"", b"\xff"], ids=["broken", "nothing", "not utf-8"])
def test_a_malformed_body_is_a_validation_error(client, body):
    """Whoever parses it: the framework, or the application inside ``validating()``."""
    reply = client.post("/json", body, {"Content-Type": "application/json"})

    assert reply.status == 400
    assert_shape(reply, "validation_error")
    assert_quiet(reply)


@on(lambda stack: stack.framework == "flask")
def test_a_body_of_another_type_is_unsupported(client):
    """Flask refuses to parse what does not say that it is JSON."""
    assert_error(client.post("/json", b"{}", {"Content-Type": "text/csv"}), "unsupported_media_type")


@on(lambda stack: stack.framework == "django")
def test_a_malformed_form_is_a_validation_error(client):
    """Django parses a form when it is looked at, and refuses one without a boundary."""
    reply = client.post("/form", b"field=1", {"Content-Type": "multipart/form-data"})

    assert reply.status == 400
    assert_shape(reply, "validation_error")


def test_a_valid_body_is_no_error(client):
    """What is valid passes ``validating()``."""
    body = b'{"connector":{"config":{"api_key":"x"}},"tags":[],"plan":"paid"}'

    reply = client.post("/validate", body, {"Content-Type": "application/json"})

    assert (reply.status, reply.body) == (200, b"ok")
