"""The cells that are not shaped, each with the reason why they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.stacks import Stack


class Reason(NamedTuple):
    """Why the cells of one row are not shaped on some stacks (and servers)."""

    case: str
    on: Callable[[Stack, str], bool]
    text: str
    #: Whether there is nothing to ask: the stack has no such thing.
    absent: bool = False


REASONS: list[Reason] = [
    Reason(
        "failure after the first byte cuts the response",
        lambda stack, server: server == "granian" and stack.protocol == "wsgi",
        "granian ends a WSGI response whose body raises as if it were complete; the log has the"
        " failure.",
    ),
    Reason(
        "refused before the accept, in the shape",
        lambda stack, server: server == "granian" and stack.framework == "quart",
        "granian refuses with an empty 403 where a refusal's body comes in more than one message,"
        " as Quart sends it.",
    ),
    Reason(
        "crash after the accept closes with 1011 and the id",
        lambda stack, server: server == "granian" and stack.framework == "quart",
        "While a `receive()` is pending, as Quart always has one, granian closes without the code"
        " and the reason, or not at all.",
    ),
    Reason(
        "crash after the accept closes with 1011 and the id",
        lambda stack, server: (
            server == "granian" and stack.protocol == "asgi" and stack.framework != "django"
        ),
        "granian does not send the headers of an accept: the id is in the close alone.",
    ),
    Reason(
        "wrong media type",
        lambda stack, server: stack.framework == "quart",
        "Quart's `get_json()` gives None for another media type: nothing fails.",
        absent=True,
    ),
    Reason(
        "in a middleware above the application",
        lambda stack, server: not stack.is_wrap,
        "Nothing that an application registers sees what fails around it: put the protocol wrap"
        " around both, as the columns “wrapped” do.",
    ),
    *(
        Reason(
            name,
            lambda stack, server: stack.framework != "django",
            "Only Django has this check.",
            absent=True,
        )
        for name in ("unknown host", "CSRF failure", "suspicious operation")
    ),
    *(
        Reason(
            name,
            lambda stack, server: stack.protocol == "wsgi",
            "WSGI has no WebSockets.",
            absent=True,
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
            absent=True,
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
