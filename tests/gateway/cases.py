"""What proxies are sent, and what comes back: for the tests, and for the table of the docs."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from tests.gateway.client import request


class Error(NamedTuple):
    """An error in the shape."""

    status: int
    code: str

    def __str__(self) -> str:
        return f"{self.status} `{self.code}`"


class Own(NamedTuple):
    """An answer that the proxy gives in a shape of its own, which nothing in its file changes."""

    status: int

    def __str__(self) -> str:
        return f"{self.status}, **its own**"


class Either(NamedTuple):
    """What the version that the tests run does, and what a later one does."""

    one: Outcome
    later: Outcome

    def __str__(self) -> str:
        return f"{self.one} (later {self.later})"


class Other(Enum):
    """What is no error; the value is its cell in the docs."""

    CLOSED = "closed, **no answer**"
    PASSED = "passed on"
    #: For longer than a test would.
    WAITS = "waits"
    #: The connection is cut before all is sent, so that who has sent it may not see the answer.
    UNCLEAR = "–"

    def __str__(self) -> str:
        return self.value


Outcome = Error | Own | Either | Other
CLOSED, PASSED, WAITS, UNCLEAR = Other

BAD = Error(400, "validation_error")
NOT_ALLOWED = Error(405, "method_not_allowed")
TIMEOUT = Error(408, "request_timeout")
TOO_LARGE = Error(413, "content_too_large")
URI_TOO_LONG = Error(414, "uri_too_long")
UPGRADE = Error(426, "upgrade_required")
HEAD_TOO_LARGE = Error(431, "request_header_fields_too_large")
NOT_IMPLEMENTED = Error(501, "not_implemented")
BAD_GATEWAY = Error(502, "bad_gateway")
UNAVAILABLE = Error(503, "service_unavailable")
GATEWAY_TIMEOUT = Error(504, "gateway_timeout")
VERSION = Error(505, "http_version_not_supported")


class Case(NamedTuple):
    """What is sent to which kind of gateway, and what comes back."""

    kind: str
    sent: bytes
    nginx: Outcome
    haproxy: Outcome
    envoy: Outcome
    caddy: Outcome


CHUNKED = ("Transfer-Encoding", "chunked")
TOO_MUCH = b"a" * 2000

#: Requests of which the proxy has seen the headers: it must have taken the id from them.
WHOLE = {
    "the application is not there": Case(
        "dead", request(), BAD_GATEWAY, UNAVAILABLE, UNAVAILABLE, BAD_GATEWAY
    ),
    "the same, after HEAD": Case(
        "dead", request("HEAD"), BAD_GATEWAY, UNAVAILABLE, UNAVAILABLE, BAD_GATEWAY
    ),
    "the application does not answer in time": Case(
        "hasty", request("GET", "/hang"), *[GATEWAY_TIMEOUT] * 4
    ),
    "the application breaks off": Case(
        "misbehaving", request("GET", "/cut"), BAD_GATEWAY, BAD_GATEWAY, UNAVAILABLE, BAD_GATEWAY
    ),
    "the application answers no valid HTTP": Case(
        "misbehaving", request("GET", "/garbage"), *[BAD_GATEWAY] * 4
    ),
    "a body that is too large": Case(
        "live", request("POST", "/json", body=TOO_MUCH), *[TOO_LARGE] * 4
    ),
    "the same in chunks, at once": Case(
        "live",
        request("POST", "/json", CHUNKED) + b"7d0\r\n" + TOO_MUCH + b"\r\n0\r\n\r\n",
        *[TOO_LARGE] * 4,
    ),
    "a body that is too slow": Case(
        "hasty",
        request("POST", "/cut", ("Content-Length", "9")) + b"a",
        CLOSED,
        TIMEOUT,
        TIMEOUT,
        WAITS,
    ),
    "TRACE": Case("live", request("TRACE"), NOT_ALLOWED, PASSED, PASSED, PASSED),
    "12 KiB of headers": Case(
        "live",
        request("GET", "/whoami", ("X-Big", "a" * 12500)),
        HEAD_TOO_LARGE,
        HEAD_TOO_LARGE,
        PASSED,
        PASSED,
    ),
    "an expectation that nobody knows": Case(
        "live",
        request("POST", "/json", ("Expect", "foo"), ("Content-Length", "0")),
        PASSED,
        PASSED,
        PASSED,
        Own(417),
    ),
}
#: Requests that are refused before: the id is a fresh one, or the client's.
BROKEN = {
    "what is not HTTP": Case("live", b"GARBAGE\r\n\r\n", BAD, Own(400), BAD, Own(400)),
    "TLS where there is none": Case(
        "live", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", BAD, Own(400), BAD, UNCLEAR
    ),
    "no Host": Case("live", b"GET /whoami HTTP/1.1\r\n\r\n", BAD, PASSED, BAD, Own(400)),
    "a Content-Length that is none": Case(
        "live", request("POST", "/json", ("Content-Length", "x")), BAD, Own(400), BAD, Own(400)
    ),
    "a header that is none": Case(
        "live", request("GET", "/", ("a\0b", "c")), BAD, Own(400), BAD, Own(400)
    ),
    "a chunk that is none": Case(
        "live", request("POST", "/json", CHUNKED) + b"zz\r\n", BAD, Own(400), BAD, BAD_GATEWAY
    ),
    "HTTP/9.1": Case(
        "live", b"GET / HTTP/9.1\r\nHost: shop.example\r\n\r\n", VERSION, PASSED, UPGRADE, Own(505)
    ),
    "a Transfer-Encoding that nobody knows": Case(
        "live",
        request("POST", "/json", ("Transfer-Encoding", "foo")),
        NOT_IMPLEMENTED,
        Own(400),
        NOT_IMPLEMENTED,
        Own(501),
    ),
    "CONNECT": Case(
        "hasty",
        b"CONNECT shop.example:1 HTTP/1.1\r\nHost: shop.example:1\r\n\r\n",
        Either(BAD, NOT_ALLOWED),
        NOT_ALLOWED,
        TIMEOUT,
        BAD_GATEWAY,
    ),
    "a URI of 10,000 bytes": Case(
        "live", request("GET", f"/{'a' * 10_000}"), URI_TOO_LONG, URI_TOO_LONG, PASSED, PASSED
    ),
    "a URI of 70,000 bytes": Case(
        "live",
        request("GET", f"/{'a' * 70_000}"),
        URI_TOO_LONG,
        Own(400),
        HEAD_TOO_LARGE,
        Either(PASSED, Own(431)),
    ),
    "70,000 bytes of headers": Case(
        "live",
        request("GET", "/whoami", ("X-Big", "a" * 70_000)),
        HEAD_TOO_LARGE,
        Own(400),
        HEAD_TOO_LARGE,
        Either(PASSED, Own(431)),
    ),
    "more than a megabyte of headers": Case(
        "live",
        request("GET", "/whoami", ("X-Big", "a" * 1_100_000)),
        UNCLEAR,
        UNCLEAR,
        UNCLEAR,
        Own(431),
    ),
    "headers that are too slow": Case(
        "hasty", b"GET / HTTP/1.1\r\nHost: shop.example\r\n", CLOSED, Own(408), TIMEOUT, CLOSED
    ),
}


def table() -> str:
    """Return the table of docs/gateways.md."""
    rows = [
        f"| {name} | {case.nginx} | {case.haproxy} | {case.envoy} | {case.caddy} |"
        for name, case in (WHOLE | BROKEN).items()
    ]
    return "\n".join(
        ["| | nginx | HAProxy | Envoy | Caddy |", "| --- | --- | --- | --- | --- |", *rows]
    )
