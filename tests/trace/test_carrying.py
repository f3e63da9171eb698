"""The id goes where the work of a request goes: threads, tasks, background tasks, streams."""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import anyio.to_thread
import gevent
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

import errorshape.trace.threads
from errorshape import asgi, trace_id, wsgi
from errorshape.trace import carry
from errorshape.trace.context import ENDED_A_REQUEST, Trace, current, leave, leave_at_close
from tests.drivers import Request, WSGIExchange, run_asgi, run_wsgi

ID = "order-7"
log = logging.getLogger("app")


@pytest.fixture(autouse=True)
def _outside_of_a_request():
    before = current.get()
    current.set(None)
    yield
    current.set(before)


# --- what copies the context by itself ------------------------------------------------------------


async def in_a_task():
    async def work():
        return trace_id()

    return await asyncio.create_task(work())


async def in_a_callback():
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: done.set_result(trace_id()))
    return await done


async def in_an_executor():
    return await asyncio.get_running_loop().run_in_executor(None, carry(trace_id))


ASYNC = {
    "to_thread": lambda: asyncio.to_thread(trace_id),
    "create_task": in_a_task,
    "call_soon": in_a_callback,
    "sync_to_async": sync_to_async(trace_id),
    "sync_to_async-any-thread": sync_to_async(trace_id, thread_sensitive=False),
    "anyio": lambda: anyio.to_thread.run_sync(trace_id),
    "starlette": lambda: run_in_threadpool(trace_id),
    "run_in_executor-carry": in_an_executor,
}


@pytest.mark.parametrize("how", ASYNC)
def test_asynchronous_work_has_the_id(how):
    """Inside of the request, in whatever thread or task it is done."""
    seen = []

    async def app(scope, receive, send):
        seen.append(await ASYNC[how]())
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    run_asgi(asgi.ErrorShapeMiddleware(app), Request("GET", "/", (("X-Request-Id", ID),)))

    assert seen == [ID]


def test_async_to_sync_has_the_id():
    """As in a synchronous view that calls asynchronous code."""

    async def work():
        return trace_id()

    current.set(ID)

    assert async_to_sync(work)() == ID


# --- where somebody has to carry it ---------------------------------------------------------------


def test_a_pool_of_threads_knows_nothing_by_itself():
    """The standard library copies no context there: that is what ``carry`` is for."""
    current.set(ID)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(trace_id).result() is None
        assert pool.submit(carry(trace_id)).result() == ID
        assert pool.submit(trace_id).result() is None


def test_one_carried_function_runs_in_many_threads_at_once():
    """A context can be entered by one thread only; an id by any number."""
    current.set(ID)
    together = threading.Barrier(4)

    def work(number):
        together.wait(10)
        return number, trace_id()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(carry(work), range(4))) == [(number, ID) for number in range(4)]


def test_a_carried_function_leaves_the_thread_as_it_was():
    """Also when it fails, and also where the thread serves a request of its own."""

    def fail():
        raise KeyError(trace_id())

    current.set(ID)
    carried = carry(fail)
    current.set("another")
    with pytest.raises(KeyError, match=ID):
        carried()

    assert trace_id() == "another"


def test_what_is_carried_is_the_whole_trace():
    """So that calls from the thread go on with it."""
    current.set(trace := Trace(ID, "00-" + "1" * 32 + "-" + "1" * 16 + "-01", "a=1"))
    carried = carry(current.get)
    current.set(None)

    assert carried() is trace


def test_threads_and_greenlets_take_what_is_carried():
    """``carry`` makes a plain function; a greenlet begins without a context, as a thread does."""
    seen = []
    current.set(ID)
    thread = threading.Thread(target=carry(lambda: seen.append(trace_id())))
    thread.start()
    thread.join()
    gevent.spawn(carry(lambda: seen.append(trace_id()))).join()

    assert seen == [ID, ID]


async def coroutine():
    """Do nothing."""


def generator():
    """Give nothing."""
    yield


async def async_generator():
    """Give nothing."""
    yield


@pytest.mark.parametrize("function", [coroutine, generator, async_generator])
def test_what_only_begins_is_not_carried(function):
    """Its work would be done when the id is gone again."""
    with pytest.raises(TypeError, match="only begins when it is called"):
        carry(function)


def test_the_executor_carries_what_it_is_given():
    """For code that submits by itself; each call has the id of whoever submitted it."""
    with errorshape.trace.threads.ThreadPoolExecutor(1) as pool:
        current.set(ID)
        first = pool.submit(trace_id)
        mapped = pool.map(lambda _: trace_id(), range(2))
        current.set("another")
        second = pool.submit(trace_id)

        assert [first.result(), *mapped, second.result()] == [ID, ID, ID, "another"]


# --- background tasks and streams -----------------------------------------------------------------


def test_background_tasks_of_starlette_have_the_id():
    """They run when the response has been sent, in the request's task or in a thread."""
    seen = []

    async def in_the_task():
        seen.append(trace_id())

    async def view(request):
        tasks = asyncio.create_task(asyncio.sleep(0))
        await tasks
        return PlainTextResponse("ok", background=BackgroundTask(work))

    async def work():
        await in_the_task()
        await run_in_threadpool(lambda: seen.append(trace_id()))
        log.info("in the background")

    app = asgi.ErrorShapeMiddleware(Starlette(routes=[Route("/", view)]))
    reply = run_asgi(app, Request("GET", "/", (("X-Request-Id", ID),)))

    assert seen == [ID, ID]
    assert [r.trace_id for r in reply.log_records if r.message == "in the background"] == [ID]


@pytest.mark.parametrize("is_async", [True, False])
def test_streams_of_starlette_have_the_id(is_async):
    """Each part is made when the view has returned: in another task, or in a thread."""

    def parts():
        for _ in range(3):
            yield f"{trace_id()},"

    async def parts_async():
        for part in parts():
            yield part

    async def view(request):
        return StreamingResponse(parts_async() if is_async else parts())

    app = asgi.ErrorShapeMiddleware(Starlette(routes=[Route("/", view)]))
    reply = run_asgi(app, Request("GET", "/", (("X-Request-Id", ID),)))

    assert reply.body.decode() == f"{ID}," * 3


def test_tasks_that_outlive_the_request_keep_its_id():
    """Whatever else the server has begun in the meantime."""
    seen = []
    tasks = []

    async def later():
        await asyncio.sleep(0.01)
        seen.append(trace_id())

    async def app(scope, receive, send):
        tasks.append(asyncio.create_task(later()))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def main():
        from tests.drivers import ASGIExchange

        wrapped = asgi.ErrorShapeMiddleware(app)
        for number in range(2):
            exchange = ASGIExchange(Request("GET", "/", (("X-Request-Id", f"id-{number}"),)))
            await exchange.run(wrapped)
        await asyncio.gather(*tasks)

    asyncio.run(main())

    assert seen == ["id-0", "id-1"]


def test_streams_of_wsgi_have_the_id_in_any_thread():
    """A server may ask for each part in another thread than the one that called the application."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (f"{trace_id()},".encode() for _ in range(3))

    exchange = WSGIExchange(Request("GET", "/", (("X-Request-Id", ID),)))
    parts = wsgi.ErrorShapeMiddleware(app)(exchange.environ, lambda *args: None)
    current.set("another")
    iterator = iter(parts)
    with ThreadPoolExecutor(1) as pool:
        body = [pool.submit(next, iterator).result() for _ in range(3)]
        pool.submit(parts.close).result()
        assert pool.submit(trace_id).result() is None

    assert b"".join(body).decode() == f"{ID}," * 3
    assert trace_id() == "another"


# --- the end of a request -------------------------------------------------------------------------


@pytest.mark.parametrize("waits_in", ["receive", "send"])
def test_a_request_that_the_collector_ends_leaves_others_alone(waits_in):
    """A loop that is gone leaves coroutines behind, which end in whatever request is served then."""

    async def app(scope, receive, send):
        if waits_in == "receive":
            await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    class Never:
        def __await__(self):
            yield

    async def receive():
        await Never()

    async def send(message):
        if message["type"] == "http.response.body":
            await Never()

    send.__module__ = "uvicorn.protocols.http.h11_impl"
    scope = {"type": "http", "path": "/", "headers": [(b"x-request-id", ID.encode())]}
    waiting = asgi.ErrorShapeMiddleware(app)(scope, receive, send)
    waiting.send(None)
    current.set("another")
    waiting.close()

    assert trace_id() == "another"


def test_the_server_waits_and_ends_without_the_id():
    """What it starts meanwhile copies the context, and may be about the next request."""
    seen = {}

    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})
        seen["after"] = trace_id()

    async def receive():
        seen["receive"] = trace_id()
        return {"type": "http.request"}

    def sender(module):
        async def send(message):
            kind = message["type"].rpartition(".")[2]
            seen[f"{kind} {message.get('body', b'').decode()}".strip()] = trace_id()

        send.__module__ = module
        return send

    scope = {"type": "http", "path": "/", "headers": [(b"x-request-id", ID.encode())]}
    for module, at_the_end in (
        ("uvicorn.protocols.http.h11_impl", None),
        ("uvicorn.protocols.http.zttp_impl", None),
        ("hypercorn.app", ID),
        (None, ID),
    ):
        seen.clear()
        asyncio.run(asgi.ErrorShapeMiddleware(app)(dict(scope), receive, sender(module)))

        assert seen == {
            "receive": None, "start": ID, "body a": ID, "body b": at_the_end, "after": ID,
        }  # fmt: skip


class GoneError(Exception):
    """The server has lost the client."""


def _serve_until_the_client_is_gone(parts):
    try:
        next(iter(parts))
        raise GoneError
    finally:
        parts.close()


def test_an_exception_keeps_the_id_of_the_request_it_has_ended():
    """Also one that the server itself has raised, when it closes the response because of it."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"whole"] if environ["PATH_INFO"] == "/whole" else iter([b"a", b"b"])

    for path in ("/whole", "/parts"):
        exchange = WSGIExchange(Request("GET", path, (("X-Request-Id", ID),)))
        parts = wsgi.ErrorShapeMiddleware(app)(exchange.environ, lambda *args: None)
        with pytest.raises(GoneError) as raised:
            _serve_until_the_client_is_gone(parts)
        assert trace_id() is None
        assert raised.value.__dict__[ENDED_A_REQUEST] == ID


def test_what_ends_outside_of_a_request_says_nothing():
    """There is nothing to keep."""
    with pytest.raises(GoneError) as raised:
        _serve_until_the_client_is_gone(_Leaving())

    assert ENDED_A_REQUEST not in raised.value.__dict__


class _Leaving:
    def __iter__(self):
        return iter("x")

    def close(self):
        leave()


class Closable:
    def __init__(self, seen):
        self._seen = seen

    def close(self):
        self._seen.append(trace_id())


def test_closing_leaves_the_request():
    """After whatever there was to close, once, and also where that fails."""
    seen = []
    body = Closable(seen)
    leave_at_close(body)
    current.set(ID)
    body.close()

    assert seen == [ID]
    assert trace_id() is None
    assert "close" not in body.__dict__


def test_a_body_without_close_gets_one():
    """PEP 3333 lets an iterable be without, and servers look for it."""

    class Bare:
        pass

    body = Bare()
    leave_at_close(body)
    current.set(ID)
    body.close()

    assert trace_id() is None


def test_a_body_that_takes_no_attribute_stays_as_it_is():
    """As those that servers have written in C; the next request's entry overwrites the id."""
    leave_at_close(())
    leave_at_close(iter(()))


def test_a_file_is_no_exception():
    """The server gets its own wrapper back, whose close ends the request as any other does."""

    class FileWrapper:
        def __init__(self, file):
            self.file = file

        def __iter__(self):
            return iter([b"x"])

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](None)

    exchange = WSGIExchange(Request("GET", "/", (("X-Request-Id", ID),)), file_wrapper=FileWrapper)
    result = wsgi.ErrorShapeMiddleware(app)(exchange.environ, lambda *args: None)
    assert isinstance(result, FileWrapper)
    assert trace_id() == ID
    result.close()

    assert trace_id() is None


def test_granian_logs_after_it_has_closed():
    """There the id stays until the next request overwrites it: nothing else is logged before."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([b"x"])

    exchange = WSGIExchange(Request("GET", "/", (("X-Request-Id", ID),)))
    environ = exchange.environ | {"SERVER_SOFTWARE": "Granian"}
    body = wsgi.ErrorShapeMiddleware(app)(environ, lambda *args: None)
    assert list(body) == [b"x"]
    body.close()

    assert trace_id() == ID


def test_the_next_request_of_a_thread_begins_without_the_last_one():
    """Whatever is logged in between is of no request."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    reply = run_wsgi(wsgi.ErrorShapeMiddleware(app), Request("GET", "/"))

    assert [r.trace_id for r in reply.log_records if r.message == "after close"] == ["-"]
