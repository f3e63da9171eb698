"""The id in the server's task, which up to Django 6.0 is not the one that the middleware runs in."""

import asyncio

import django
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_finished
from django.test import override_settings
from django.utils.decorators import async_only_middleware, sync_only_middleware

from errorshape import trace_id
from errorshape.asgi import ErrorShapeMiddleware
from errorshape.django import middleware
from errorshape.trace.context import current
from tests.drivers import Request, drive_asgi
from tests.stacks import BY_NAME

#: ``ASGIHandler`` serves the request in a task of its own, whose context ends with it.
IN_A_TASK = django.VERSION < (6, 1)
ID = "order-7"
OURS = "errorshape.django.ErrorShapeMiddleware"


class NotAnException(BaseException):
    """What not even Django answers."""


def _stop(request):
    assert not request.body  # Django leaves a body open that nobody has read
    raise NotAnException


@sync_only_middleware
def only_sync(get_response):
    """Have Django call what is above in a thread."""

    def middleware(request):
        if request.path == "/stop":
            _stop(request)
        return get_response(request)

    return middleware


@async_only_middleware
def only_async(get_response):
    """Have Django await what is above."""

    async def middleware(request):
        if request.path == "/stop":
            _stop(request)
        return await get_response(request)

    return middleware


@pytest.fixture(params=["only_async", "only_sync", "wrapped"])
def site(request):
    """The middleware alone, called by Django in both ways, and with the wrap."""
    below = "only_async" if request.param == "wrapped" else request.param
    BY_NAME["django_asgi"].build()  # sets Django up
    with override_settings(MIDDLEWARE=[OURS, f"{__name__}.{below}"]):
        site = ASGIHandler()
    return ErrorShapeMiddleware(site) if request.param == "wrapped" else site


def ask(site, path, before="earlier"):
    """Serve a request in the context of the one ``before``, as uvicorn does in a pipeline."""

    async def main():
        current.set(before)
        request = Request("GET", path, (("X-Request-Id", ID),))
        return await drive_asgi(site, request, mixed_case=True)

    return asyncio.run(main())


@pytest.mark.parametrize("path", ["/log", "/async/log", "/crash", "/nowhere", "/async/stream/good"])
def test_the_servers_last_line_is_of_its_request(site, path):
    """It is written in the task that has called Django."""
    reply = ask(site, path)

    assert {r.trace_id for r in reply.log_records if r.is_of_server} == {ID}


def test_the_id_that_is_brought_back_at_the_end_is_the_same(site, monkeypatch):
    """As it is done up to Django 6.0; where it is not needed it changes nothing."""
    monkeypatch.setattr(middleware, "_IN_A_TASK", True)

    assert {r.trace_id for r in ask(site, "/log").log_records if r.is_of_server} == {ID}


def test_a_receiver_of_the_end_has_the_id(site):
    """Django sends ``request_finished`` in the server's task as well."""
    seen = []

    def receiver(**kwargs):
        seen.append(trace_id())

    request_finished.connect(receiver)
    try:
        ask(site, "/async/log")
    finally:
        request_finished.disconnect(receiver)

    assert seen == [ID]


def cut(site, before=None, path="/async/stream/fails-late"):
    """Fail where nobody can answer; what the server has logged of it, and at its end."""
    records = ask(site, path, before=before).log_records
    of_server = [record for record in records if record.is_of_server]
    (failure,) = [record.trace_id for record in of_server if record.traceback]
    return failure, of_server[-1].trace_id


def test_the_failure_that_a_server_logs_is_of_its_request(site):
    """The exception tells where the context cannot."""
    assert cut(site)[0] == ID


def test_a_response_that_was_cut_has_no_last_line_up_to_django_6_0(site):
    """Nothing of the middleware runs in the server's task then: that takes the wrap."""
    impossible = IN_A_TASK and not isinstance(site, ErrorShapeMiddleware)

    assert cut(site)[1] == ("-" if impossible else ID)


def test_what_not_even_django_answers_is_of_its_request(site):
    """The server has the last word of it."""
    assert cut(site, path="/stop")[0] == ID
