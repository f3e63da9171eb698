"""The contract, once, on every stack: in process under a strict stand-in server, and on real ones.

``client`` is every stack in both ways; ``configured`` builds one with other options, in process.
The sections are those of the contract.
"""

import gc
import json
import logging
import re
import uuid
from collections import Counter

import pytest

import errorshape
import errorshape.asgi
import errorshape.wsgi
from errorshape.core.translation import only_leaf
from tests import logs
from tests.clients import InProcess, OverServer
from tests.contract import (
    CODE_OF,
    DOCUMENTED,
    FURTHER,
    STATUS_OF,
    TARGETS,
    UNCOUNTED,
    assert_error,
    assert_logged_once,
    assert_no_secret,
    assert_quiet,
    assert_records_carry_the_id,
    assert_shape,
    catalogue_message,
    in_process,
    is_fresh,
    on,
    on_servers,
    own_errors,
)
from tests.drivers import Request, run_asgi
from tests.stacks import STACKS, script
from tests.stacks.script import SECRET

# --- who is asked --------------------------------------------------------------------------------


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

    assert_error(reply, "conflict", message="Größe 10 € \N{SNOWMAN}", details={"naïve": "日本語"})


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

    assert texts == {
        "str-subclass": "text",
        "lazy": "later",
        "bytes": "café \N{REPLACEMENT CHARACTER}",
    }


def test_keys_of_any_type_are_made_text(client):
    """Encoding never fails: no key of the details is lost for its type."""
    reply = client.get("/odd-keys")

    assert_shape(reply, "conflict")
    assert Counter(reply.error["details"].values()) == Counter(
        ["int", "none", "bytes", "tuple", "subclass"]
    )


# --- §2 The codes --------------------------------------------------------------------------------


def test_every_status_has_a_code(client):
    """Each status from 400 to 599 is kept and has a code, from a table that never changes."""
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
    ("kind", "names"),
    [("another", ["x-total", "x-request-id"]), ("already", ["x-total", "x-request-id"])],
)
def test_browsers_may_read_the_trace_id(client, kind, names):
    """Where Access-Control-Expose-Headers is, X-Request-Id is in it, once."""
    exposed = ",".join(client.get(f"/expose/{kind}").all("access-control-expose-headers"))

    assert [name.strip().lower() for name in exposed.split(",")] == names


def test_no_header_is_exposed_without_the_applications_doing(client):
    """A response without Access-Control-Expose-Headers does not get one."""
    assert not client.get("/ok").all("access-control-expose-headers")


@pytest.mark.parametrize(
    "path", ["/error/unauthorized", "/error/invalid_grant", "/prebuilt/text/401"]
)
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
    cookies = [cookie.partition(";")[0].strip() for cookie in reply.all("set-cookie")]
    assert cookies == ["first=1", "second=2"]


def test_headers_of_an_error_are_sent(client):
    """An APIError's own headers go out with it."""
    reply = client.get("/error-headers")

    assert_error(reply, "forbidden")
    assert (reply.one("x-scope"), reply.one("link")) == ("repo:write", "</help>; rel=help")


def test_every_cookie_of_an_error_is_sent(client):
    """RFC 9110 §5.3: of all headers Set-Cookie alone cannot be put together into one."""
    reply = client.get("/odd-headers/cookies")

    assert_error(reply, "conflict")
    cookies = [
        {part.strip() for part in cookie.lower().split(";")} for cookie in reply.all("set-cookie")
    ]
    assert cookies == [
        {"first=1", "path=/", "httponly"},
        {"second=2", "path=/", "expires=sun, 21 oct 2040 07:28:00 gmt"},
    ]


def test_control_characters_become_spaces(client):
    """No value can end its header: each control character is a space."""
    reply = client.get("/odd-headers/control")

    assert_error(reply, "conflict")
    assert reply.one("x-odd") == "a  X-Injected: b c d e~"
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

    ids = {record.message: record.trace_id for record in reply.log_records if record.is_of_server}
    assert ids
    assert set(ids.values()) == {"mine-1"}


@in_process(lambda stack: stack.protocol == "wsgi")
def test_the_id_is_there_until_close_and_not_after_it(client):
    """WSGI: a record at the end of the body and in close() has the id, the next one ``-``."""
    reply = client.get("/stream/good", {"X-Request-Id": "mine-1"})

    ids = {record.message: record.trace_id for record in reply.log_records}
    assert ids["all sent"] == "mine-1"
    assert ids["stream closed"] == "mine-1"
    assert ids["after close"] == "-"


@in_process()
@pytest.mark.usefixtures("collected")
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
    _asked(client, path)

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
    """Fifty requests at once: each sees, logs and answers with its own id all the time."""
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
    assert sorted(seen) == sorted(
        (f"{when} {tag}", tag) for tag in tags for when in ("before", "after")
    )


@pytest.mark.parametrize("path", ["/whoami", "/crash"])
@on_servers
def test_ids_of_pipelined_requests_are_apart(client, path):
    """Requests that come on one connection, before the first is answered, have an id each."""
    given = [(), (("X-Request-Id", "mine-1"),), (), (("X-Request-Id", "mine-2"),), ()]

    replies, records = client.pipelined([Request("GET", path, headers) for headers in given])

    ids = [reply.one("x-request-id") for reply in replies]
    assert (ids[1], ids[3]) == ("mine-1", "mine-2")
    assert len({trace_id for trace_id in ids if is_fresh(trace_id)}) == 3
    for reply in replies:
        assert reply.one("x-request-id").encode() in reply.body
    errors = [record.trace_id for record in records if record.level >= logging.ERROR]
    assert errors == (ids if path == "/crash" else [])


# --- §5 What becomes which error -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "code", "details"),
    [("class", "conflict", None), ("function", "not_found", {"row": "7"})],
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
    """werkzeug's of a 4xx stay; instead of Django's and of every 5xx the catalogue's is sent."""
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
    """Also one for a status; a crash that it answers is logged once all the same."""
    app = InProcess(client.stack, client.stack.build()).app
    flask_app = getattr(app, "app", app)
    for status in (404, 500):
        flask_app.register_error_handler(status, lambda exc: ({"mine": True}, exc.code))

    for path, status in {"/nowhere": 404, "/native/404": 404, "/crash": 500}.items():
        reply = InProcess(client.stack, app).get(path)
        assert (reply.status, json.loads(reply.body)) == (status, {"mine": True})
        assert is_fresh(reply.one("x-request-id"))
        assert len(own_errors(reply)) == (status == 500)


@in_process(lambda stack: stack.framework == "django" and not stack.on_django)
def test_django_error_handlers_of_the_application_come_first(client, monkeypatch):
    """What handler404 and handler500 say in JSON is kept; a crash is logged once all the same."""
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


@pytest.mark.parametrize("path", ["/crash", "/crash-otherwise", "/group/crash", "/handler/crashes"])
def test_a_crash_is_answered_and_logged_once(client, path):
    """Anything else is internal_error; its text and traceback are logged once, and not sent."""
    reply = client.get(path)

    assert_error(reply, "internal_error", message=catalogue_message(500))
    assert_logged_once(reply)


def test_a_crash_in_a_hook_is_answered_and_logged_once(client):
    """A middleware or a hook of the framework fails like a view."""
    for kind in client.stack.module.HOOKS:
        reply = client.get(f"/hook/{kind}")

        assert_error(reply, "internal_error", message=catalogue_message(500))
        assert_logged_once(reply)


def test_an_error_in_a_hook_is_that_error(client):
    """So authentication and limits are often done; nobody calls what they refuse a failure."""
    for kind in client.stack.module.HOOKS:
        reply = client.get(f"/hook/{kind}-refuses")

        assert_error(reply, "forbidden", message="Not from there.", details={"hook": kind})
        assert_quiet(reply)


def test_an_error_in_an_error_handler_is_that_error(client):
    """A handler may make one error of another, which is no failure either."""
    reply = client.get("/handler/refuses")

    assert_error(reply, "forbidden", message="Not from there.")
    assert_quiet(reply)


@pytest.mark.parametrize("code", [code for code, status in STATUS_OF.items() if status < 500])
def test_4xx_are_logged_quietly(client, code):
    """A client's mistake is at most INFO and has no traceback; Django's own WARNING may stay."""
    assert_quiet(client.get(f"/error/{code}"))


@pytest.mark.parametrize(
    "path", ["/nowhere", "/native/404", "/native/403", "/native/400", "/group/error"]
)
def test_4xx_of_the_framework_are_logged_quietly(client, path):
    """The same holds for the framework's own."""
    assert_quiet(client.get(path))


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


# Without errorshape it is the same: asgiref carries a sync view's exception from its thread into
# the coroutine that waits for it, where Python 3.13 does not let this one end a coroutine.
TURNED_BY_THE_FRAMEWORK = {("django_asgi_sync_views", "GeneratorExit"): RuntimeError}


@pytest.fixture
def collected(client):
    """Collect what a framework has left when the test is over.

    Before 0.23 Quart leaves a task whose failure asyncio logs when it is collected, with a
    traceback. Python 3.11 reads source for that, and fails if it was reading some already.
    """
    yield
    if client.stack.framework == "quart":
        gc.collect()


def _asked(client, path):
    """Ask for a path; where the framework would wait for its client to go, the client goes."""
    if (client.stack.framework, path) == ("quart", "/not-ours/CancelledError"):
        return run_asgi(client.app, Request("GET", path), gone_after=0)
    return client.get(path)


def _is_answered(reply):
    """Starlette's BaseHTTPMiddleware: the task that it ran the request in has ended without one."""
    assert_error(reply, "internal_error")
    (record,) = own_errors(reply)
    assert "No response returned." in record.traceback


def _is_dropped(reply):
    """Quart: a task of its own was cancelled, which says that the client is gone."""
    assert (reply.headers, reply.body, reply.failure) == ([], b"", None)
    assert not own_errors(reply)


def _is_raised_in_a_group(reply):
    """Task groups of anyio's and asyncio's; before 0.23 Quart had none, and raised it as it is."""
    assert isinstance(reply.failure, (BaseExceptionGroup, GeneratorExit))
    assert "GeneratorExit" in repr(reply.failure)
    assert not reply.complete
    assert not own_errors(reply)


# These run a request in tasks of their own, where the two are how a task ends, no failure. They do
# the same without errorshape (but for the shape of what Starlette raises then).
ENDS_OF_TASKS = {
    ("fastapi", "CancelledError"): _is_answered,
    ("fastapi", "GeneratorExit"): _is_raised_in_a_group,
    ("quart", "CancelledError"): _is_dropped,
    ("quart", "GeneratorExit"): _is_raised_in_a_group,
}


@in_process()
@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("kind", script.NOT_OURS)
def test_what_is_no_exception_passes_through(client, kind):
    """CancelledError, KeyboardInterrupt, SystemExit and GeneratorExit are raised on, unchanged."""
    reply = _asked(client, f"/not-ours/{kind}")

    if (hold := ENDS_OF_TASKS.get((client.stack.framework, kind))) is not None:
        hold(reply)
    else:
        turned = TURNED_BY_THE_FRAMEWORK.get((client.stack.name, kind))
        assert type(reply.failure) in (script.NOT_OURS[kind], turned)
        assert not reply.complete
        assert not own_errors(reply)


@pytest.mark.parametrize("kind", ["html", "text", "empty", "empty-json"])
@pytest.mark.parametrize("status", [400, 404, 409, 502])
def test_an_error_for_people_is_replaced(client, kind, status):
    """An HTML, plain-text or empty body of a status from 400 on becomes the shape."""
    reply = client.get(f"/prebuilt/{kind}/{status}")

    assert_error(reply, CODE_OF[status], message=catalogue_message(status))


@pytest.mark.parametrize("kind", ["html", "text"])
def test_a_streamed_error_for_people_is_replaced(client, kind):
    """One that comes in parts as well: its cookies are kept, and it is closed once."""
    reply = client.get(f"/prebuilt-stream/{kind}/409")

    assert_error(reply, "conflict", message=catalogue_message(409))
    cookies = [cookie.partition(";")[0].strip() for cookie in reply.all("set-cookie")]
    assert cookies == ["first=1", "second=2"]
    closed = [record.trace_id for record in reply.log_records if record.message == "stream closed"]
    if client.stack.framework == "django" and client.stack.protocol == "asgi":
        # The middleware goes by the headers: an asynchronous generator that is never begun has
        # opened nothing, and Python does not run its end.
        assert closed == []
    else:
        assert closed == [reply.one("x-request-id")]


@pytest.mark.parametrize("kind", ["json", "large-json", "image"])
def test_a_streamed_error_for_programs_stays(client, kind):
    """One that comes in parts stays whole, closed once."""
    reply = client.get(f"/prebuilt-stream/{kind}/409")

    assert (reply.status, reply.body, reply.complete) == (409, script.PREBUILT[kind][0], True)
    closed = [record for record in reply.log_records if record.message == "stream closed"]
    assert [record.trace_id for record in closed] == [reply.one("x-request-id")]


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
    for kind in ("json", "large-json"):
        assert_error(client.get(f"/prebuilt-stream/{kind}/404"), "not_found")
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


def test_reshape_none_keeps_the_frameworks_pages(stack, configured):
    """With it, the framework's own HTTP exceptions have the body that the framework gives them."""
    reply = configured(reshape="none").get("/nowhere")

    assert reply.status == 404
    assert b"Not Found" in reply.body
    expected = {"starlette": "text/plain", "fastapi": "application/json"}
    expected["litestar"] = "application/json"
    media_type = expected.get(stack.framework, "text/html")
    assert reply.one("content-type").startswith(media_type)
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
        assert b"trace_id" not in reply.body
        assert_records_carry_the_id(reply)


@pytest.mark.parametrize("stack", [s for s in STACKS if s.framework != "raw"], ids=str)
def test_outside_of_include_a_crash_has_the_frameworks_page(configured):
    """The framework answers it, and it is logged once, with the id that the header has."""
    reply = configured(include=["/api/"]).get("/crash")

    assert reply.status == 500
    assert reply.one("content-type").startswith("text/")  # Starlette's page is a line of text
    assert b"trace_id" not in reply.body
    assert_no_secret(reply)
    assert_logged_once(reply)


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


@in_process(lambda stack: hasattr(stack.module, "unhandled"))
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
        is_ninjas = client.stack.requires == "ninja"
        assert page.one("content-type").startswith("text/plain" if is_ninjas else "text/html")
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
    failure = only_leaf(client.get("/stream/fails-late").failure)  # frameworks wrap it

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
    path = f"{client.stack.prefix}/stream/good"
    request = Request("GET", path, (("X-Request-Id", "mine-1"),))

    reply = run_asgi(client.app, request, gone_after=gone_after, mixed_case=client.stack.mixed_case)

    assert not reply.complete
    assert not reply.logged(logging.WARNING)
    assert reply.failure is None or isinstance(reply.failure, OSError)
    closed = [r.trace_id for r in reply.log_records if r.message == "stream closed"]
    if client.stack.framework in ("django", "starlette") and closed == ["-"]:
        # They drop a stream that was begun without closing it, as they do without errorshape: the
        # event loop closes it later, in no request.
        closed = ["mine-1"]
    assert closed == ["mine-1"] or (closed == [] and gone_after == 0)


# --- one inside the other ---


@pytest.mark.parametrize("stack", [s for s in STACKS if not s.wrapped], ids=str)
def test_the_outer_wrap_decides_the_id(stack):
    """Around an application with an adapter of its own: one id, the outer one's; one record."""
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
    assert_error(
        client.post("/json", b"{}", {"Content-Type": "text/csv"}), "unsupported_media_type"
    )


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
