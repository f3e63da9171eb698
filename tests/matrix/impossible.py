"""The cells that are not shaped, each with the reason why they cannot be, and what comes instead."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

from tests.clients import OverServer
from tests.matrix.above import PATH as ABOVE
from tests.stacks import Stack


class Reason(NamedTuple):
    """Why the cells of one row are not shaped on some stacks (and servers)."""

    case: str
    on: Callable[[Stack, str], bool]
    text: str
    #: Holds what comes instead, None if there is nothing to ask: the stack has no such thing.
    instead: Callable[[OverServer], None] | None = None

    @property
    def absent(self) -> bool:
        """Whether the stack has no such thing."""
        return self.instead is None


def _ends_as_if_complete(client: OverServer) -> None:
    reply = client.get("/stream/fails-late")
    assert (reply.status, reply.body, reply.complete) == (200, b"first,", True)
    (record,) = reply.logged(logging.ERROR)
    assert record.trace_id == reply.one("x-request-id")


def _refuses_without_a_body(client: OverServer) -> None:
    reply, _ = client.websocket("/ws/refused")
    assert (reply.status, reply.body) == (403, b"")


def _closes_without_a_reason(client: OverServer) -> None:
    reply, close = client.websocket("/ws/crash")
    assert reply.status == 101
    assert close is None or close[0] != 1011


def _has_the_id_in_the_close_alone(client: OverServer) -> None:
    reply, (code, reason) = client.websocket("/ws/crash")
    assert (reply.status, reply.all("x-request-id"), code) == (101, [], 1011)
    assert len(reason) == 36


def _is_answered_by_the_server(client: OverServer) -> None:
    reply = client.request_outside("GET", ABOVE)
    assert reply.status == 500
    assert not reply.all("x-request-id")
    assert not reply.logged(logging.ERROR)


REASONS: list[Reason] = [
    Reason(
        "failure after the first byte cuts the response",
        lambda stack, server: server == "granian" and stack.protocol == "wsgi",
        "granian logs what the iterable of a WSGI response raises, and then ends the body as if it"
        " were complete: between its `response_iter` (`src/wsgi/io.rs`) and the connection there is a"
        " channel that can carry no failure. errorshape's record of it is in the log.",
        instead=_ends_as_if_complete,
    ),
    Reason(
        "refused before the accept, in the shape",
        lambda stack, server: server == "granian" and stack.framework == "quart",
        "granian refuses with an empty 403 where a refusal's body comes in more than one message,"
        " as Quart sends it.",
        instead=_refuses_without_a_body,
    ),
    Reason(
        "crash after the accept closes with 1011 and the id",
        lambda stack, server: server == "granian" and stack.framework == "quart",
        "While a `receive()` is pending, as Quart always has one, granian closes without the code"
        " and the reason, or not at all.",
        instead=_closes_without_a_reason,
    ),
    Reason(
        "crash after the accept closes with 1011 and the id",
        lambda stack, server: (
            server == "granian" and stack.protocol == "asgi" and stack.framework != "django"
        ),
        "granian does not send the headers of an accept: the id is in the close alone.",
        instead=_has_the_id_in_the_close_alone,
    ),
    Reason(
        "wrong media type",
        lambda stack, server: stack.framework == "quart",
        "Quart's `get_json()` gives None for another media type: nothing fails.",
    ),
    Reason(
        "in a middleware above the application",
        lambda stack, server: not stack.is_wrap,
        "Nothing that an application registers sees what fails around it: put the protocol wrap"
        " around both, as the columns “wrapped” do.",
        instead=_is_answered_by_the_server,
    ),
    *(
        Reason(
            name,
            lambda stack, server: stack.framework != "django",
            "Only Django has this check.",
        )
        for name in ("unknown host", "CSRF failure", "suspicious operation")
    ),
    *(
        Reason(
            name,
            lambda stack, server: stack.protocol == "wsgi",
            "WSGI has no WebSockets.",
        )
        for name in (
            "refused before the accept, in the shape",
            "crash after the accept closes with 1011 and the id",
        )
    ),
    *(
        Reason(
            name,
            lambda stack, server: stack.protocol == "asgi" and stack.framework == "django",
            "Django itself serves no WebSockets.",
        )
        for name in (
            "refused before the accept, in the shape",
            "crash after the accept closes with 1011 and the id",
        )
    ),
]


def reason(case: str, stack: Stack, server: str) -> Reason | None:
    """Return why a cell is not shaped, None if it has to be."""
    return next((r for r in REASONS if r.case == case and r.on(stack, server)), None)
