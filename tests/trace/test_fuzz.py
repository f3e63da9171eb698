"""Headers as anybody may send them: nothing raises, and nothing invalid comes out again."""

import asyncio
import re

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorshape import trace_id
from errorshape.asgi import ErrorShapeMiddleware as ASGIWrap
from errorshape.trace import outgoing_headers
from errorshape.trace.context import current
from errorshape.trace.w3c import parse_tracestate
from errorshape.wsgi import ErrorShapeMiddleware as WSGIWrap
from tests import logs

# By hand where the number is part of what is promised: more at night than by day.
_NIGHT = hypothesis.settings.default.max_examples >= 20_000
EXAMPLES = 100_000 if _NIGHT else 2_000

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
_is_id = re.compile(r"[A-Za-z0-9._~+/=:@-]{1,128}").fullmatch
_is_traceparent = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-0[0-3]").fullmatch
_is_fresh = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch

# Latin-1 is all that a header can carry; near misses are likelier to be taken than noise.
anything = st.text(st.characters(max_codepoint=255), max_size=40)


def near(*values):
    """Valid values, and such with one character more, less or another."""

    def broken(value, where, what, kind):
        where %= len(value) + 1
        return value[:where] + what + value[where + kind :]

    some = st.sampled_from(values)
    return some | st.builds(
        broken, some, st.integers(0, 200), st.text(st.characters(max_codepoint=255), max_size=1),
        st.integers(0, 1),
    )  # fmt: skip


ids = anything | near("order-7", "a" * 128, "7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c")
parents = anything | near(
    f"00-{TRACE}-{PARENT}-01",
    f"cc-{TRACE}-{PARENT}-03-more",
    f"00-{'0' * 32}-{PARENT}-01",
    f"ff-{TRACE}-{PARENT}-01",
)
states = anything | near(
    "foo=1,bar=2", " a=b , c=d\t", "@a=1", ",".join(f"k{n}=v" for n in range(32))
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "x-request-id": st.lists(ids, min_size=1, max_size=2),
        "traceparent": st.lists(parents, min_size=1, max_size=2),
        "tracestate": st.lists(states, min_size=1, max_size=3),
    },
)


def through_asgi(headers, seen):
    """Send the headers through the wrap; the X-Request-Id of the response."""

    async def app(scope, receive, send):
        seen.append((trace_id(), outgoing_headers()))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    sent = []

    async def send(message):
        sent.append(message)

    pairs = [(k.encode(), v.encode("latin-1")) for k, values in headers.items() for v in values]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": pairs}
    running = ASGIWrap(app)(scope, None, send)
    with pytest.raises(StopIteration):  # it waits for nothing, so it needs no loop
        running.send(None)
    return dict(sent[0]["headers"])[b"x-request-id"].decode("latin-1")


def through_wsgi(headers, seen):
    """Send the headers through the wrap, repeated ones joined as servers do it."""

    def app(environ, start_response):
        seen.append((trace_id(), outgoing_headers()))
        start_response("204 No Content", [])
        return []

    started = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        **{f"HTTP_{k.upper().replace('-', '_')}": ",".join(v) for k, v in headers.items()},
    }
    body = WSGIWrap(app)(environ, lambda status, response, *_: started.append(dict(response)))
    body.close()
    return started[0]["X-Request-Id"]


@pytest.mark.parametrize("through", [through_asgi, through_wsgi])
@hypothesis.settings(max_examples=EXAMPLES // 2, deadline=None)
@given(headers=fields)
def test_no_header_does_any_harm(through, headers):
    """Whatever comes in: a valid id and trace, no echo, no log, nothing of the request before."""
    current.set("of-the-request-before")
    seen = []
    with logs.captured() as records:
        answered = through(headers, seen)
    current.set(None)

    [(inside, outgoing)] = seen
    assert answered == inside == outgoing["X-Request-Id"]
    assert _is_id(answered)
    given_ids = headers.get("x-request-id", [])
    if not (len(given_ids) == 1 and answered == given_ids[0]):
        # Of the one valid traceparent, else fresh: never what is invalid, or was there twice.
        assert _is_fresh(answered) or answered in "".join(headers.get("traceparent", []))
        assert not any(answered in value for value in given_ids)
    elif len(given_ids) == 1:
        assert _is_id(given_ids[0])
    trace = _is_traceparent(outgoing["traceparent"])
    assert trace
    if len(headers.get("traceparent", [])) > 1:
        assert trace[1] != TRACE
    state = outgoing.get("tracestate", "")
    assert state == parse_tracestate(state)
    assert not state or state == parse_tracestate(",".join(headers["tracestate"]))
    assert not records
    assert "of-the-request-before" not in (answered, *outgoing.values())


def test_requests_side_by_side_see_their_own():
    """However their steps are mixed, each sees its own id and nobody else's."""

    async def app(scope, receive, send):
        before = trace_id()
        for _ in range(5):
            await asyncio.sleep(0)
        assert (before, outgoing_headers()["X-Request-Id"]) == (scope["path"], scope["path"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def one(number):
        sent = []

        async def send(message):
            sent.append(message)

        name = f"id-{number}"
        scope = {
            "type": "http",
            "method": "GET",
            "path": name,
            "headers": [(b"x-request-id", name.encode())],
        }
        await ASGIWrap(app)(scope, None, send)
        return sent[0]["status"]

    async def main():
        return await asyncio.gather(*map(one, range(200)))

    assert set(asyncio.run(main())) == {204}
