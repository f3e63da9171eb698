"""Forms and uploads, the same ones on every framework: what is wrong with one is never a 500.

The frameworks parse them by parsers of their own, whose errors have to come out in the shape; what
one of them takes as it is, is listed as well. In process and on real servers.
"""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass, field

import pytest

from tests.clients import OverServer
from tests.contract import Target, assert_no_secret, assert_shape
from tests.stacks import BY_NAME
from tests.stacks.script import SECRET

# --- who is asked --------------------------------------------------------------------------------

STACKS = """flask django_wsgi django_asgi drf ninja starlette fastapi fastapi_sync_views litestar
quart""".split()
SERVERS = {
    "flask": "waitress",
    "django_wsgi": "waitress",
    "django_asgi": "uvicorn",
    "drf": "gunicorn",
    "ninja": "granian",
    "starlette": "uvicorn",
    "fastapi": "uvicorn",
    "litestar": "uvicorn",
    "quart": "hypercorn",
}
ON_SERVERS = [Target(BY_NAME[name], server) for name, server in SERVERS.items()]
TARGETS = [*(Target(BY_NAME[name]) for name in STACKS), *ON_SERVERS]


@pytest.fixture(params=TARGETS, ids=str)
def client(request, running):
    """Every framework that has forms, in process and on a real server."""
    return running(request.param)


# --- what is sent --------------------------------------------------------------------------------

BOUNDARY = "boundary-of-the-tests"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
URLENCODED = "application/x-www-form-urlencoded"


def part(name, value, filename=None, extra=""):
    """Write one part of a multipart body (RFC 7578 §4)."""
    file = f'; filename="{filename}"' if filename else ""
    disposition = f'Content-Disposition: form-data; name="{name}"{file}'
    return f"--{BOUNDARY}\r\n{disposition}\r\n{extra}\r\n{value}\r\n"


def form(name="acme", count="3", file="hello", more=()):
    """Write the form that every stack wants; None leaves a field out."""
    parts = [
        "" if name is None else part("name", name),
        "" if count is None else part("count", count),
        "" if file is None else part("file", file, "a.txt", "Content-Type: text/plain\r\n"),
    ]
    return "".join([*parts, *more, f"--{BOUNDARY}--\r\n"]).encode()


WHOLE = form()
COUNT = b'Content-Disposition: form-data; name="count"'

#: As the answer of a stack: it takes the form as it is.
OK = "ok"
INVALID = "validation_error"
TOO_LARGE = "content_too_large"

#: By what requires them: the frameworks on werkzeug, on Django, and those that validate fields.
WERKZEUG = ("flask", "quart")
DJANGO = ("django", "rest_framework", "ninja")
VALIDATING = (*DJANGO, "fastapi", "litestar")


@dataclass(frozen=True)
class Case:
    """A form, and what is to come of it: ``validation_error``, or what a framework has instead."""

    name: str
    body: bytes
    content_type: str = MULTIPART
    path: str = "/upload"
    instead: dict[str, set[str]] = field(default_factory=dict)

    def __str__(self):
        return self.name


def each(frameworks, *codes):
    """Return what these frameworks have instead."""
    return {framework: set(codes) for framework in frameworks}


# Starlette parses and leaves it to the application whether all is there.
LEFT = each(["starlette"], OK)

CASES = [
    Case("whole", WHOLE, instead=each([*WERKZEUG, *VALIDATING, "starlette"], OK)),
    # What the multipart parsers say.
    Case("no boundary", WHOLE, "multipart/form-data"),
    Case("empty boundary", WHOLE, "multipart/form-data; boundary="),
    Case("boundary that is no ASCII", WHOLE, "multipart/form-data; boundary=caf\xe9"),
    Case("another boundary", WHOLE, "multipart/form-data; boundary=another"),
    Case("header that is none", WHOLE.replace(COUNT, b"Content Disposition\x01 form-data")),
    Case("no Content-Disposition", WHOLE.replace(COUNT, b"X-Other: 1")),
    Case("no name", WHOLE.replace(COUNT, COUNT.partition(b";")[0]), instead=each(WERKZEUG, OK)),
    Case("cut in a header", WHOLE[:60], instead=LEFT),
    Case("cut in mid-body", WHOLE[:-40], instead=LEFT),
    Case("empty", b"", instead=LEFT),
    Case("no multipart at all", b"\x00\xff\r\n" * 50),
    Case(
        "header without an end",
        form(more=[part("x", "x", extra=f"X-Large: {'y' * 70_000}\r\n")]),
        instead=each([*WERKZEUG, "starlette", "fastapi"], OK, INVALID),
    ),
    # Text that cannot be decoded.
    Case(
        "value that is no UTF-8",
        WHOLE.replace(b"acme", b"a\xff\xfe"),
        instead=each([*WERKZEUG, *DJANGO, "starlette", "fastapi"], OK),
    ),
    Case(
        "name that is no UTF-8",
        WHOLE.replace(b'"name"', b'"na\xff\xfe"'),
        instead=LEFT,
    ),
    Case(
        "unknown charset of a part",
        WHOLE.replace(COUNT, COUNT + b"\r\nContent-Type: text/plain; charset=nonsense"),
        instead=each([*WERKZEUG, *DJANGO, "starlette", "fastapi"], OK),
    ),
    Case(
        "unknown charset of the form",
        form(more=[part("_charset_", "nonsense")]),
        instead=each([*WERKZEUG, *VALIDATING, "starlette"], OK),
    ),
    # Limits: 1,000 parts everywhere, the rest as tests.stacks sets them.
    Case(
        "too many fields",
        form(more=[part(f"f{n}", "x") for n in range(1_001)]),
        instead=each(WERKZEUG, TOO_LARGE),
    ),
    Case(
        "too many files",
        form(more=[part(f"f{n}", "x", "a.txt") for n in range(1_001)]),
        instead=each(WERKZEUG, TOO_LARGE),
    ),
    Case(
        "too large a field",
        form(more=[part("large", "x" * 3_000_000)]),
        instead=each(WERKZEUG, TOO_LARGE) | each(["litestar"], OK),
    ),
    Case(
        "too large a body",
        form(file="x" * 5_000_000),
        instead=each([*WERKZEUG, "litestar"], TOO_LARGE)
        | each([*DJANGO, "starlette", "fastapi"], OK),  # they set no bound to files
    ),
    # Another media type.
    *(
        Case(
            f"wrong media type, {content_type or 'none'}",
            b"{}",
            content_type,
            instead=LEFT | each(["rest_framework"], "unsupported_media_type"),
        )
        for content_type in ("application/json", "text/csv", "")
    ),
    # Fields.
    Case("invalid field", form(count=SECRET), instead=each([*WERKZEUG, "starlette"], OK)),
    Case("missing fields", form(name=None, file=None), instead=LEFT),
    Case("text for a file", form(file=None, more=[part("file", SECRET)]), instead=LEFT),
    Case(
        "a file for text",
        form(name=None, more=[part("name", SECRET, "n.txt")]),
        instead=each([*WERKZEUG, "starlette"], OK),
    ),
    # The other kind of forms.
    Case("urlencoded, no field", b"", URLENCODED, "/urlencoded", instead=LEFT),
    *(
        Case(
            f"urlencoded, {name}", body, content_type, "/urlencoded",
            # Decoded in one way or another, or refused.
            instead=each([*WERKZEUG, *VALIDATING, "starlette"], OK, INVALID, TOO_LARGE),
        )
        for name, body, content_type in [
            ("no UTF-8", b"name=\xff\xfe", URLENCODED),
            ("no UTF-8 in percents", b"name=%FF%FE", URLENCODED),
            ("broken percents", b"name=%ZZ&%", URLENCODED),
            ("unknown charset", b"name=a", f"{URLENCODED}; charset=nonsense"),
            ("many", b"name=a" + b"&a=1" * 1_001, URLENCODED),
            ("large", b"name=" + b"x" * 3_000_000, URLENCODED),
        ]
    ),
]  # fmt: skip


def sent(client, case):
    """Send the form of a case."""
    headers = {"Content-Type": case.content_type} if case.content_type else {}
    return client.post(case.path, case.body, headers)


# --- what comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_form_that_is_not_right_is_the_clients_error(client, case):
    """It has the documented code, or is taken where the framework takes it; never a 500."""
    reply = sent(client, case)
    codes = case.instead.get(client.stack.requires, {INVALID})

    if reply.status == 200:
        assert OK in codes
        return
    assert reply.error["code"] in codes
    assert_shape(reply, reply.error["code"])
    assert_no_secret(reply)


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("invalid field", {"count"}),
        ("missing fields", {"name", "file"}),
        ("text for a file", {"file"}),
        ("a file for text", {"name"}),
    ],
)
@pytest.mark.parametrize(
    "client",
    [target for target in TARGETS if target.stack.requires in VALIDATING],
    ids=str,
    indirect=True,
)
def test_each_field_is_named(client, name, paths):
    """Without the location, as CONTRACT §7 has it; msgspec, of Litestar, names the first one."""
    (case,) = (case for case in CASES if case.name == name)
    details = sent(client, case).error["details"]

    if client.stack.requires == "litestar" and name == "missing fields":
        paths = {"name"}
    assert set(details) == paths


@pytest.mark.parametrize("client", ON_SERVERS, ids=str, indirect=True)
def test_a_client_that_goes_away_in_mid_upload_is_no_failure(client: OverServer):
    """Nothing at ERROR is logged; the server goes on."""
    head = (
        f"POST {client.stack.prefix}/upload HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: {MULTIPART}\r\nContent-Length: {len(WHOLE)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as connection:
        connection.sendall(head.encode() + WHOLE[:-40])
    reply = sent(client, CASES[0])

    assert reply.status == 200
    assert not reply.logged(logging.ERROR)
