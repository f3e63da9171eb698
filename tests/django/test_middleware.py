"""The middleware, where a project or a server behaves in a way that most do not."""

import asyncio
import logging
import sys
from collections.abc import MutableMapping

import django
import pytest
from django.core.exceptions import PermissionDenied
from django.core.handlers.exception import convert_exception_to_response
from django.core.signals import got_request_exception
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.test.utils import override_settings

import errorshape
from errorshape.django import ErrorShapeMiddleware
from tests import logs

django.setup()


def events():
    raise RuntimeError("before the first event")
    yield b""


async def events_async():
    raise RuntimeError("before the first event")
    yield b""


def test_the_start_of_an_event_stream_is_not_held_back():
    """Its client waits for the headers: what fails later can only be cut."""

    def view(request):
        return StreamingHttpResponse(events(), content_type="text/event-stream")

    response = ErrorShapeMiddleware(view)(RequestFactory().get("/"))

    assert response.status_code == 200
    with pytest.raises(RuntimeError, match="first event"):
        next(iter(response))


def test_the_start_of_an_asynchronous_event_stream_is_not_held_back():
    """The same on ASGI."""

    async def view(request):
        return StreamingHttpResponse(events_async(), content_type="text/event-stream")

    async def first():
        response = await ErrorShapeMiddleware(view)(RequestFactory().get("/"))
        assert response.status_code == 200
        with pytest.raises(RuntimeError, match="first event"):
            async for _ in response:
                pass

    asyncio.run(first())


def test_a_server_that_logs_after_close_still_has_the_id():
    """Granian writes its line then; the next request's entry overwrites the id."""
    request = RequestFactory().get("/", SERVER_SOFTWARE="Granian", HTTP_X_REQUEST_ID="mine-1")

    ErrorShapeMiddleware(lambda request: HttpResponse())(request).close()

    assert errorshape.trace_id() == "mine-1"


@pytest.mark.parametrize("name", [None, "access-control-Expose-headers"])
def test_headers_that_are_kept_in_another_way_get_the_id_too(name):
    """The middleware looks into a dictionary that is Django's own affair, if it is there."""
    given = {"X-Request-Id": "own", **({name: "ETag"} if name else {})}
    stored = {key.lower(): (key, value) for key, value in given.items()}

    class Elsewhere(MutableMapping):
        """Headers of a Django that is yet to come."""

        def __getitem__(self, key):
            return stored[key.lower()][1]

        def __setitem__(self, key, value):
            stored[key.lower()] = key, value

        def __delitem__(self, key):
            del stored[key.lower()]

        def __iter__(self):
            return iter([key for key, _ in stored.values()])

        def __len__(self):
            return len(stored)

    response = HttpResponse()
    response.headers = Elsewhere()
    request = RequestFactory().get("/", HTTP_X_REQUEST_ID="mine-2")

    made = ErrorShapeMiddleware(lambda request: response)(request)

    assert made.headers["X-Request-Id"] == "mine-2"
    assert made.headers.get("Access-Control-Expose-Headers") == (
        "ETag, X-Request-Id" if name else None
    )
    made.close()


def test_a_signal_without_an_exception_is_nothing_to_remember():
    """Projects send Django's signal themselves, to tell Sentry and its like."""
    ErrorShapeMiddleware(lambda request: HttpResponse())
    request = RequestFactory().get("/")

    assert sys.exception() is None
    got_request_exception.send(sender=None, request=request)

    assert not [name for name in vars(request) if "errorshape" in name]


def test_what_a_middleware_refuses_is_no_failure():
    """Django would signal it as unhandled, by which its test client raises it."""
    signalled = []

    def refuse(request):
        raise errorshape.ForbiddenError

    def receiver(**arguments):
        signalled.append(arguments)

    got_request_exception.connect(receiver)
    try:
        handler = convert_exception_to_response(refuse)
        response = ErrorShapeMiddleware(handler)(RequestFactory().get("/"))
    finally:
        got_request_exception.disconnect(receiver)

    assert (response.status_code, signalled) == (403, [])


def test_where_no_middleware_of_ours_is_django_answers_as_ever():
    """Django's function is wrapped for the whole process."""

    def refuse(request):
        raise PermissionDenied

    response = convert_exception_to_response(refuse)(RequestFactory().get("/"))

    assert (response.status_code, response["Content-Type"]) == (403, "text/html; charset=utf-8")


@pytest.mark.parametrize("error", [None, RuntimeError("later")])
def test_an_asynchronous_stream_that_is_replaced_is_closed_in_its_request(error):
    """Django closes none; the collector would, when it likes, and what is logged then has no id."""
    closed = []

    async def broken():
        try:
            yield b"{"
            yield b" " * 20_000
        finally:
            closed.append(errorshape.trace_id())
            if error:
                raise error

    stream = broken()  # which is held here, so that nothing closes it by itself
    with logs.captured() as records:
        replaced = replacing(stream)

    assert (replaced, closed) == (404, ["mine-1"])
    assert [r.trace_id for r in records if r.level == logging.ERROR] == ["mine-1"] * bool(error)


def test_an_asynchronous_stream_that_cannot_be_closed_is_replaced():
    """Not every asynchronous iterator is a generator."""

    class Stream:
        def __aiter__(self):
            return self

        async def __anext__(self):
            return b" " * 20_000

    assert replacing(Stream()) == 404


def replacing(stream):
    """Serve what ``reshape="all"`` replaces, with the id mine-1; return the status."""

    async def view(request):
        return StreamingHttpResponse(stream, status=404, content_type="application/json")

    async def ask():
        with override_settings(ERRORSHAPE={"RESHAPE": "all"}):
            middleware = ErrorShapeMiddleware(view)
        response = await middleware(RequestFactory().get("/", HTTP_X_REQUEST_ID="mine-1"))
        assert not response.streaming
        return response.status_code

    return asyncio.run(ask())


class Urls:
    """A project's own, whose handler for what is not there fails."""

    urlpatterns = ()

    def __init__(self, failure):
        self.failure = failure

    def handler404(self, request, exception):
        raise self.failure


def ask_for_what_is_missing(failure):
    """Ask a site whose handler404 raises ``failure``; return the response and what was logged."""
    with override_settings(ROOT_URLCONF=Urls(failure)), logs.captured() as records:
        response = Client(raise_request_exception=False).get("/")
    return response, [record for record in records if record.level > logging.INFO]


def test_what_the_projects_own_handler404_refuses_is_answered():
    """It may make one error of another; Django has taken that for a failure of the handler."""
    response, records = ask_for_what_is_missing(errorshape.GoneError())

    assert (response.status_code, response.json()["error"]["code"]) == (410, "gone")
    assert records == []


def test_a_crash_of_the_projects_own_handler404_is_logged_with_its_traceback():
    """Django logs that there was a 500, and not why."""
    response, records = ask_for_what_is_missing(RuntimeError("why"))

    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal_error")
    assert [record.level for record in records] == [logging.ERROR]
    assert "RuntimeError: why" in records[0].traceback


def test_an_answer_is_looked_at_again_where_its_body_was_changed():
    """As of any other error response: a page of HTML gives way."""

    def view(request):
        response = middleware.process_exception(request, errorshape.ConflictError())
        response.content = b"<h1>Conflict</h1>"
        response.headers["Content-Type"] = "text/html"
        return response

    middleware = ErrorShapeMiddleware(view)
    response = middleware(RequestFactory().get("/"))

    assert response.headers["Content-Type"] == "application/json"
    assert b'"code":"conflict"' in response.content
