"""Each proxy with its generated file: all of its own errors, and one id from end to end."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from errorshape.cli import main
from errorshape.contract.gateway.plan import TRACE_ID
from errorshape.testing import assert_error
from tests.gateway import odd, upstream
from tests.gateway.cases import (
    BROKEN,
    CLOSED,
    PASSED,
    UNCLEAR,
    WAITS,
    WHOLE,
    Either,
    Error,
    Outcome,
    Own,
    table,
)
from tests.gateway.client import Response, raw, request, send
from tests.gateway.proxies import Gateway
from tests.processes import wait_until

HEX = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


def assert_shaped(response: Response | None, outcome: Error) -> str:
    """Assert that a response is this error, to the last header; return its trace id."""
    status, code = outcome
    assert response is not None
    assert_error(response, code, status=status, details={})
    assert response.all("Content-Type") == ["application/json"]
    assert response.all("Cache-Control") == ["no-store"]
    assert response.all("Retry-After") == (["1"] if status in (429, 503) else [])
    if response.request.method != "HEAD":
        assert response.all("Content-Length") == [str(len(response.content))]
    return _only_id(response)


def fresh() -> str:
    """Make an id that no other test uses, with every kind of character that one may have."""
    return f"a-Z_0.9~+/=:@{uuid.uuid4()}"


@pytest.mark.parametrize("case", WHOLE.values(), ids=WHOLE)
def test_an_error_has_the_shape_and_the_clients_id(gateways, proxy, case) -> None:
    """Whatever fails once the headers are there: the id is the one that the client has sent."""
    trace_id = fresh()
    head, _, rest = case.sent.partition(b"\r\n")
    sent = b"%b\r\nX-Request-Id: %b\r\n%b" % (head, trace_id.encode(), rest)
    assert_outcome(gateways.get(proxy, case.kind), sent, getattr(case, proxy), trace_id)


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_an_error_before_the_request_is_whole_has_the_shape(gateways, proxy, case) -> None:
    """Whatever cannot be read gets the shape, where the proxy can; else its own answer."""
    assert_outcome(gateways.get(proxy, case.kind), case.sent, getattr(case, proxy))


def assert_outcome(
    gateway: Gateway, sent: bytes, outcome: Outcome, trace_id: str | None = None
) -> None:
    """Assert what comes back, with this trace id if there is one, and what is in the access log."""
    if outcome in (WAITS, UNCLEAR):
        return
    response = send(gateway.port, sent)
    status = response and response.status_code
    if isinstance(outcome, Either):
        is_later = isinstance(outcome.later, Error | Own) and outcome.later.status == status
        outcome = outcome.later if is_later else outcome.one
    if outcome is CLOSED:
        assert response is None
        status = 408
    elif outcome is PASSED:
        trace_id = _only_id(response)
    elif isinstance(outcome, Own):
        # If this fails, the proxy has learned something: say so in its file and in the docs.
        assert (status, response.all("X-Request-Id")) == (outcome.status, [])
        return
    else:
        found = assert_shaped(response, outcome)
        assert re.fullmatch(TRACE_ID, found)
        trace_id = trace_id or found
        assert found == trace_id
    if trace_id:
        assert str(status) in gateway.line_of(trace_id)


def _only_id(response: Response) -> str:
    (trace_id,) = response.all("X-Request-Id")
    return trace_id


@pytest.mark.parametrize("proxy", ["nginx", "haproxy", "envoy"])
def test_too_many_requests_are_told_when_to_come_back(gateways, proxy) -> None:
    """--rate: 429 with Retry-After, and the id of the client."""
    gateway, trace_id = gateways.get(proxy, "limited"), fresh()
    answers = [
        send(gateway.port, request("GET", "/told", ("X-Request-Id", trace_id))) for _ in range(8)
    ]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert 0 < len(refused) < len(answers)
    for answer in refused:
        assert assert_shaped(answer, Error(429, "rate_limited")) == trace_id


# --- the id ---------------------------------------------------------------------------------------

VALID = {
    "one character": [("X-Request-Id", "a")],
    "128 characters": [("X-Request-Id", "a" * 128)],
    "every kind": [("X-Request-Id", "aZ09._~+/=:@-")],
    "before traceparent": [("X-Request-Id", "abc"), ("traceparent", f"00-{HEX}-{PARENT}-01")],
    "any case": [("x-REQUEST-id", "abc")],
}
TRACED = {
    "traceparent": [("traceparent", f"00-{HEX}-{PARENT}-01")],
    "after an invalid id": [("X-Request-Id", "a b"), ("traceparent", f"00-{HEX}-{PARENT}-00")],
    "later version": [("traceparent", f"cc-{HEX}-{PARENT}-01")],
    "later version with more": [("traceparent", f"cc-{HEX}-{PARENT}-01-what")],
}
INVALID = {
    "nothing": [],
    "empty": [("X-Request-Id", "")],
    "129 characters": [("X-Request-Id", "a" * 129)],
    "blank in it": [("X-Request-Id", "a b")],
    "comma": [("X-Request-Id", "a,b")],
    "quote": [("X-Request-Id", 'a"b')],
    "syntax": [("X-Request-Id", "$status%ID{err.id}")],
    "not ASCII": [("X-Request-Id", "caf\xe9")],
    "trace-id of zeros": [("traceparent", f"00-{'0' * 32}-{PARENT}-01")],
    "parent-id of zeros": [("traceparent", f"00-{HEX}-{'0' * 16}-01")],
    "version ff": [("traceparent", f"ff-{HEX}-{PARENT}-01")],
    "version 00 with more": [("traceparent", f"00-{HEX}-{PARENT}-01-what")],
    "capitals": [("traceparent", f"00-{HEX.upper()}-{PARENT}-01")],
    "later version garbled": [("traceparent", f"cc-{HEX}-{PARENT}-01what")],
    "short": [("traceparent", f"00-{HEX[1:]}-{PARENT}-01")],
}


@pytest.mark.parametrize("headers", VALID.values(), ids=VALID)
def test_a_valid_id_is_taken(gateways, proxy, headers) -> None:
    """The application has it as its trace id, and the client gets it back, once."""
    response = send(gateways.get(proxy, "live").port, request("GET", "/whoami", *headers))
    assert response.all("X-Request-Id") == [headers[0][1]]
    assert response.content.decode() == headers[0][1]


@pytest.mark.parametrize("headers", TRACED.values(), ids=TRACED)
def test_else_the_trace_id_of_a_traceparent(gateways, proxy, headers) -> None:
    """W3C Trace Context, level 2."""
    response = send(gateways.get(proxy, "live").port, request("GET", "/whoami", *headers))
    assert response.all("X-Request-Id") == [HEX]
    assert response.content.decode() == HEX


@pytest.mark.parametrize("headers", INVALID.values(), ids=INVALID)
def test_else_a_fresh_uuid(gateways, proxy, headers) -> None:
    """What is not valid is never echoed, and the application is told one id alone."""
    response = send(gateways.get(proxy, "misbehaving").port, request("GET", "/told", *headers))
    (trace_id,) = response.all("X-Request-Id")
    assert_uuid(trace_id)
    assert response.content.decode() == trace_id


def test_of_two_ids_none_is_taken(gateways, proxy) -> None:
    """Exactly one is valid; nginx before 1.23 sees the first alone."""
    gateway = gateways.get(proxy, "misbehaving")
    headers = [("X-Request-Id", "first"), ("X-Request-Id", "second")]
    response = send(gateway.port, request("GET", "/told", *headers))
    (trace_id,) = response.all("X-Request-Id")
    assert response.content.decode() == trace_id
    if not (proxy == "nginx" and trace_id == "first" and _is_before_1_23(gateway)):
        assert_uuid(trace_id)


def _is_before_1_23(gateway) -> bool:
    version = re.search(r"nginx/1\.(\d+)", raw(gateway.port, b"X\r\n\r\n").decode())
    return version is not None and int(version[1]) < 23


def test_ids_are_fresh_on_one_connection(gateways, proxy) -> None:
    """A kept-alive connection is not a request."""
    import http.client

    connection = http.client.HTTPConnection(
        "127.0.0.1", gateways.get(proxy, "live").port, timeout=5
    )
    seen = set()
    for path in ("/whoami", "/error/not_found", "/whoami"):
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.getheader("X-Request-Id").encode() in response.read()
        seen.add(response.getheader("X-Request-Id"))
    connection.close()
    assert len(seen) == 3


def assert_uuid(trace_id: str) -> None:
    """Assert that it is a UUID of version 4 in its canonical form."""
    made = uuid.UUID(trace_id)
    assert (str(made), made.version, made.variant) == (trace_id, 4, uuid.RFC_4122)


# --- the application ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("code", ["not_found", "rate_limited", "internal_error", "bad_gateway"])
def test_the_applications_errors_pass_untouched(gateways, proxy, method, code) -> None:
    """Body, headers and status are those that the application has sent, with the same id."""
    gateway, trace_id = gateways.get(proxy, "live"), fresh()
    sent = request(method, f"/error/{code}", ("X-Request-Id", trace_id))
    direct, response = send(gateway.plan.upstream.port, sent), send(gateway.port, sent)
    assert_error(response, code)
    assert (response.status_code, response.content) == (direct.status_code, direct.content)
    for name in ("Content-Type", "Content-Length", "Cache-Control", "Retry-After", "X-Request-Id"):
        assert response.all(name) == direct.all(name)


def test_one_id_is_in_both_logs(gateways, proxy) -> None:
    """The proxy's access log and every record of the application."""
    gateway, trace_id = gateways.get(proxy, "live"), fresh()
    send(gateway.port, request("GET", "/log", ("X-Request-Id", trace_id)))
    assert "/log" in gateway.line_of(trace_id)

    def logged() -> set[str]:
        return {it.message for it in gateways.records() if it.trace_id == trace_id}

    assert wait_until(lambda: {"plain", "from a library"} <= logged())


def test_an_application_without_an_id_is_given_one(gateways, proxy) -> None:
    """Its own error pages stay as they are: they are the business of the application."""
    response = send(
        gateways.get(proxy, "misbehaving").port, request("GET", "/html", ("X-Request-Id", "abc"))
    )
    assert (response.status_code, response.content) == (404, upstream.PAGE)
    assert response.all("X-Request-Id") == ["abc"]


def test_a_web_socket_passes(gateways, proxy) -> None:
    """Once it is open, its failure ends it with the id as the reason (CONTRACT §6)."""
    trace_id = fresh()
    address = f"ws://127.0.0.1:{gateways.get(proxy, 'live').port}/ws/crash"
    headers = {"X-Request-Id": trace_id}
    with (
        connect(address, additional_headers=headers, proxy=None) as socket,
        pytest.raises(ConnectionClosedError) as closed,
    ):
        socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1011, trace_id)


def test_a_web_socket_is_refused_in_the_shape(gateways, proxy) -> None:
    """The application's denial response is passed on."""
    trace_id = fresh()
    headers = [
        ("X-Request-Id", trace_id),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    response = send(gateways.get(proxy, "live").port, request("GET", "/ws/refused", *headers))
    error = assert_error(response, "forbidden", message="Not you.")
    assert error["trace_id"] == trace_id


def test_errorshape_check_finds_nothing_to_mend(gateways, proxy, capsys) -> None:
    """Proxy and application keep the contract as one (but nginx before 1.23, of two ids)."""
    gateway = gateways.get(proxy, "live")
    exit_code = main(["check", f"http://127.0.0.1:{gateway.port}", "--json"])
    probes = json.loads(capsys.readouterr().out)["probes"]
    broken = {probe["name"] for probe in probes if not probe["holds"]}
    if not (proxy == "nginx" and _is_before_1_23(gateway)):
        assert broken == set()
    assert broken <= {"hostile id: two of them"}
    assert exit_code == (1 if broken else 0)


# --- options, and what users add ------------------------------------------------------------------


def odd_error(gateways, proxy: str, path: str, code: str, status: int, message: str | None = None):
    """Get an error of the odd gateway, whose header has another name; return the response."""
    headers = [("X-Trace", "mine"), ("traceparent", f"00-{HEX}-{PARENT}-01")]
    response = send(gateways.get(proxy, "odd").port, request("GET", path, *headers))
    assert_error(response, code, status=status, message=message, trace_header="X-Trace")
    assert_uuid(response.all("X-Trace")[0])
    return response


def test_messages_may_have_any_character(gateways, proxy) -> None:
    """What is syntax to the proxy arrives as it is in the catalogue."""
    code, status = ("service_unavailable", 503) if proxy == "envoy" else ("bad_gateway", 502)
    response = odd_error(gateways, proxy, "/cut", code, status, odd.SYNTAX)
    assert response.all("Retry-After") == (["7"] if status == 503 else [])


def test_messages_may_be_as_long_as_the_contract_has_them(gateways, proxy) -> None:
    """1,000 characters, each of which takes twelve in the file."""
    odd_error(gateways, proxy, "/denied", "forbidden", 403, odd.LongError.message)


def test_at_the_edge_ids_from_outside_are_ignored(gateways, proxy) -> None:
    """--edge and --header: the application is told a fresh id, in the header of that name."""
    headers = [("X-Trace", "mine"), ("traceparent", f"00-{HEX}-{PARENT}-01")]
    response = send(gateways.get(proxy, "odd").port, request("GET", "/told", *headers))
    (trace_id,) = response.all("X-Trace")
    assert_uuid(trace_id)
    assert response.content.decode() == trace_id


def test_what_users_add_has_the_shape(gateways, proxy) -> None:
    """A rule of their own that refuses something gives an error of the contract."""
    odd_error(gateways, proxy, "/denied", "forbidden", 403)


@pytest.mark.parametrize("proxy", ["nginx", "envoy", "caddy"])
def test_a_status_without_a_row_is_a_server_error(gateways, proxy) -> None:
    """CONTRACT §2: the status is kept."""
    odd_error(gateways, proxy, "/rare", "server_error", 507)


@pytest.mark.parametrize("proxy", ["nginx", "haproxy"])
def test_a_401_keeps_its_challenge(gateways, proxy) -> None:
    """RFC 9110 §15.5.2: the proxy's own WWW-Authenticate."""
    response = odd_error(gateways, proxy, "/secret", "unauthorized", 401)
    assert response.all("WWW-Authenticate")[0].startswith("Basic")


# --- what is said in the comments -----------------------------------------------------------------


def test_nginx_answers_http_0_9_with_a_body_alone(gateways) -> None:
    """There are no headers, so there is nothing that could hold them."""
    received = raw(gateways.get("nginx", "dead").port, b"GET /\r\n")
    assert received.startswith(b'{"error":{"code":"bad_gateway"')
    assert received.endswith(b'"}}')


def test_nginx_passes_what_is_not_http_at_all(gateways) -> None:
    """It takes it for HTTP/0.9, where a response is a body and nothing else."""
    sent = request("GET", "/not-http", ("Connection", "close"))
    assert raw(gateways.get("nginx", "misbehaving").port, sent).startswith(upstream.NOT_HTTP)


def test_nobody_can_ask_nginx_for_its_error_page(gateways) -> None:
    """The location is internal, so that it is not found, in the contract's shape."""
    response = send(gateways.get("nginx", "live").port, request("GET", "/.errorshape"))
    assert_shaped(response, Error(404, "not_found"))


def test_the_table_of_the_docs_is_the_one_that_was_measured() -> None:
    """Copied from here: ``python -c "from tests.gateway.cases import table; print(table())"``."""
    page = Path(__file__).parents[2] / "docs" / "gateways.md"
    assert table() in page.read_text()
