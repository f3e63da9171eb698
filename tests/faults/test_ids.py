"""Ids of interleaved requests: hypothesis looks for an order in which one sees another's."""

import contextvars
import logging
from contextlib import suppress

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule

import errorshape
from errorshape.asgi import ErrorShapeMiddleware as ASGIMiddleware
from errorshape.trace.context import current
from errorshape.wsgi import ErrorShapeMiddleware as WSGIMiddleware
from tests import logs

log = logging.getLogger("app")


class _Pause:
    """What a coroutine waits for here: its next turn."""

    def __await__(self):
        yield


def own(expected):
    """Look at the id as an application does, and log."""
    assert errorshape.trace_id() == expected
    with logs.captured() as records:
        log.info("step")
    assert [record.trace_id for record in records] == [expected]


class ASGIRequests(RuleBasedStateMachine):
    """Requests that begin in the context of another, as pipelined ones do on uvicorn."""

    requests = Bundle("requests")

    def __init__(self):
        super().__init__()
        self.number = 0

    def begun(self, context, ends, fails):
        self.number += 1
        trace_id = f"request-{self.number}"
        sent = []

        async def app(scope, receive, send):
            own(trace_id)
            await _Pause()
            own(trace_id)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(ends):
                await send({"type": "http.response.body", "body": b"part", "more_body": True})
                await _Pause()
                own(trace_id)
            if fails:
                raise RuntimeError
            await send({"type": "http.response.body"})

        async def send(message):
            sent.append(message)

        async def receive():
            raise AssertionError

        headers = [(b"x-request-id", trace_id.encode())]
        scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
        coroutine = ASGIMiddleware(app)(scope, receive, send)
        request = (context, coroutine, trace_id, sent)
        self.advanced(request)
        return request

    def advanced(self, request):
        context, coroutine, trace_id, sent = request
        try:
            context.run(coroutine.send, None)
        except StopIteration:
            ids = [value for name, value in sent[0]["headers"] if name == b"x-request-id"]
            assert ids == [trace_id.encode()]
            assert context.run(errorshape.trace_id) == trace_id
            return False
        except RuntimeError:
            assert context.run(errorshape.trace_id) == trace_id
            return False
        return True

    @rule(target=requests, ends=st.integers(0, 3), fails=st.booleans())
    def begin(self, ends, fails):
        return self.begun(contextvars.copy_context(), ends, fails)

    @rule(target=requests, other=requests, ends=st.integers(0, 3), fails=st.booleans())
    def begin_in_the_context_of(self, other, ends, fails):
        return self.begun(other[0].run(contextvars.copy_context), ends, fails)

    @rule(request=requests)
    def advance(self, request):
        if request[1].cr_frame is not None:
            self.advanced(request)

    @rule(request=consumes(requests))
    def cut(self, request):
        request[0].run(request[1].close)


class WSGIRequests(RuleBasedStateMachine):
    """Requests whose bodies take turns in one thread, or go on in another."""

    bodies = Bundle("bodies")

    def __init__(self):
        super().__init__()
        self.number = 0

    @rule(target=bodies, parts=st.integers(0, 3), fails=st.booleans())
    def begin(self, parts, fails):
        self.number += 1
        trace_id = f"request-{self.number}"

        class Body:
            def __init__(self):
                self.left = parts

            def __iter__(self):
                return self

            def __next__(self):
                own(trace_id)
                self.left -= 1
                if self.left >= 0:
                    return b"part"
                if fails:
                    raise RuntimeError
                raise StopIteration

            def close(self):
                own(trace_id)

        def app(environ, start_response):
            own(trace_id)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return Body()

        started = []

        def start_response(status, headers, exc_info=None):
            started.append(dict(headers)["X-Request-Id"])
            return lambda data: None

        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_X_REQUEST_ID": trace_id}
        iterable = WSGIMiddleware(app)(environ, start_response)
        return iterable, iter(iterable), trace_id, started

    @rule(body=bodies, elsewhere=st.booleans())
    def advance(self, body, elsewhere):
        if elsewhere:
            contextvars.Context().run(self._advanced, body)
        else:
            self._advanced(body)

    def _advanced(self, body):
        _, iterator, trace_id, started = body
        with suppress(RuntimeError):
            next(iterator, None)
        assert started in ([], [trace_id])

    @rule(body=consumes(bodies), elsewhere=st.booleans())
    def close(self, body, elsewhere):
        if elsewhere:
            contextvars.Context().run(body[0].close)
        else:
            body[0].close()
            assert errorshape.trace_id() is None

    def teardown(self):
        current.set(None)


TestASGIRequests = ASGIRequests.TestCase
TestWSGIRequests = WSGIRequests.TestCase
