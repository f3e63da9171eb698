"""What the two applications without a framework share: werkzeug's routing and nothing more."""

from __future__ import annotations

from typing import Any

from werkzeug.routing import Map, Rule

from tests.stacks import script, werkzeug_native
from tests.stacks.script import Answer, Sent

NATIVE = {kind: entry[1:] for kind, entry in werkzeug_native.NATIVE.items()}
HOOKS: tuple[str, ...] = ()

_rules = Map(
    [
        *(Rule(f"/{path}", methods=[method], endpoint=f) for path, method, f in script.ROUTES),
        Rule("/native/<kind>", methods=["GET"], endpoint="native"),
        Rule("/json", methods=["POST"], endpoint=script.parse),
    ]
)


def message_of(kind: str) -> str | None:
    """The message that the answer to ``/native/<kind>`` must have, None for the catalogue's."""
    return werkzeug_native.message_of(kind)


def answer(method: str, path: str, body: bytes) -> Answer:
    """Find the route and call its function; werkzeug raises for unknown routes and methods."""
    endpoint, arguments = _rules.bind("testserver").match(path, method)
    try:
        if endpoint == "native":
            raise werkzeug_native.NATIVE[arguments["kind"]][0]()
        return endpoint(Sent(body), **arguments)
    except script.HandledError:
        return script.HANDLED
    except script.HandlerFailsError as exc:
        raise exc.failure from None


def headers_of(answer: Answer) -> list[tuple[str, str]]:
    """Return all headers of an answer, its length and cookies included."""
    headers = [*answer.headers, *(("Set-Cookie", f"{k}={v}") for k, v in answer.cookies)]
    names: set[Any] = {name for name, _ in headers}
    if answer.chunks is None and "Content-Length" not in names and answer.status not in (204, 304):
        headers.append(("Content-Length", str(len(answer.body))))
    return headers
