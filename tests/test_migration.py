"""What eases the way from other packages: old names, log fields and headers go on working."""

import asyncio
import logging

import flask
import httpx
import pytest

import errorshape
from errorshape import asgi, migration
from errorshape.flask import ErrorShape


def test_old_names_give_the_id():
    """What asgi-correlation-id, django-guid and the two log-request-ids call it."""
    with errorshape.bind_trace_id("order-7"):
        assert migration.correlation_id.get() == "order-7"
        assert migration.get_guid() == "order-7"
        assert migration.local.request_id == "order-7"
        assert migration.current_request_id() == "order-7"


def test_outside_of_a_request_old_names_do_what_they_did():
    """None, a default, or an attribute that is missing."""
    assert migration.correlation_id.get() is None
    assert migration.correlation_id.get("none") == "none"
    assert migration.get_guid() is None
    assert getattr(migration.local, "request_id", "none") == "none"


def test_an_id_can_be_set_and_cleared():
    """As the code of jobs does."""
    with errorshape.bind_trace_id():
        assert migration.set_guid("job-7") == "job-7"
        assert errorshape.trace_id() == "job-7"
        token = migration.correlation_id.set("job-8")
        assert errorshape.trace_id() == "job-8"
        migration.correlation_id.reset(token)
        assert errorshape.trace_id() == "job-7"
        migration.clear_guid()
        assert errorshape.trace_id() is None


@pytest.mark.parametrize("value", ["two words", 7], ids=str)
def test_an_invalid_id_is_not_taken(value):
    """The message names it."""
    with pytest.raises(ValueError, match=str(value)):
        migration.set_guid(value)


@pytest.mark.parametrize(
    ("bound", "options", "expected"),
    [
        ("order-7", {}, {"correlation_id": "order-7"}),
        ("order-7", {"field": "request_id", "length": 5}, {"request_id": "order"}),
        (None, {"default": "none"}, {"correlation_id": "none"}),
        (None, {}, {"correlation_id": "-"}),
    ],
    ids=["default", "options", "outside", "outside by default"],
)
@pytest.mark.parametrize("installed", [True, False])
def test_old_fields_of_records_go_on_working(bound, options, expected, installed):
    """A format with %(correlation_id)s or %(request_id)s stays as it is."""
    log_filter = migration.LogFilter(**options)
    trace = migration.current.set(bound)
    try:
        record = logging.LogRecord("name", 20, "path", 1, "message", (), None)
        if installed:
            record.trace_id = bound or "-"
        assert log_filter.filter(record) is True
    finally:
        migration.current.reset(trace)

    assert expected.items() <= vars(record).items()


def make_flask():
    app = flask.Flask(__name__)
    ErrorShape(app)
    app.add_url_rule("/", "index", lambda: {"id": errorshape.trace_id()})
    app.wsgi_app = migration.OldHeaderWSGI(app.wsgi_app, "X-Correlation-ID")
    return app.test_client().get


def make_asgi():
    async def view(scope, receive, send):
        assert scope["type"] == "http"
        body = f'{{"id": "{errorshape.trace_id()}"}}'.encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    app = migration.OldHeaderASGI(asgi.ErrorShapeMiddleware(view), "X-Correlation-ID")

    async def get(url, headers):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tests") as client:
            return await client.get(url, headers=headers)

    return lambda url, headers: asyncio.run(get(url, headers))


@pytest.fixture(params=[make_flask, make_asgi], ids=["wsgi", "asgi"])
def get(request):
    return request.param()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Correlation-ID": "old-7"}, "old-7"),
        ({"X-Correlation-ID": "old-7", "X-Request-Id": "new-7"}, "new-7"),
        ({"X-Correlation-ID": "Root=1-67891233-abcdef"}, "1-67891233-abcdef"),
        ({"X-Correlation-ID": "Root=1-67891233-abc;Self=1-67891234-def"}, "1-67891234-def"),
    ],
    ids=["old", "both", "a load balancer", "two of them"],
)
def test_an_id_in_an_old_header_is_read(get, headers, expected):
    """Callers that have not changed yet are in the same logs; they get their header back."""
    response = get("/", headers=headers)

    body = response.json() if callable(response.json) else response.json
    assert body == {"id": expected}
    assert response.headers["X-Request-Id"] == response.headers["X-Correlation-ID"] == expected


def test_an_invalid_id_in_an_old_header_is_not_read(get):
    """It is treated as one in the new header is: a fresh id, and nothing echoed."""
    response = get("/", headers={"X-Correlation-ID": "two words"})

    assert response.headers["X-Request-Id"] == response.headers["X-Correlation-ID"] != "two words"


def test_an_old_header_of_the_application_stays():
    """What the application answers by itself is not doubled."""
    app = flask.Flask(__name__)
    ErrorShape(app)
    app.add_url_rule("/", "index", lambda: ("", {"x-correlation-id": "mine"}))
    app.wsgi_app = migration.OldHeaderWSGI(app.wsgi_app, "X-Correlation-ID")

    assert app.test_client().get("/").headers.getlist("X-Correlation-ID") == ["mine"]


def test_what_is_no_request_passes_through():
    """Lifespan has no headers."""
    seen = []

    async def app(scope, receive, send):
        seen.append((scope, receive, send))

    arguments = ({"type": "lifespan"}, object(), object())
    asyncio.run(migration.OldHeaderASGI(app, "X-Correlation-ID")(*arguments))

    assert seen == [arguments]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Request-ID": "new", "X-Correlation-ID": "old"}, "new"),
        ({"X-Correlation-ID": "old", "X-Amzn-Trace-Id": "Root=1-2-3"}, "old"),
        ({"X-Amzn-Trace-Id": "Root=1-2-3"}, "1-2-3"),
    ],
    ids=["new", "old", "a load balancer's"],
)
def test_several_old_headers_are_read_in_the_order_of_flask_log_request_id(headers, expected):
    """What it reads by itself; the outermost comes first."""
    app = flask.Flask(__name__)
    ErrorShape(app)
    app.wsgi_app = migration.OldHeaderWSGI(app.wsgi_app, "X-Amzn-Trace-Id")
    app.wsgi_app = migration.OldHeaderWSGI(app.wsgi_app, "X-Correlation-ID")

    assert app.test_client().get("/", headers=headers).headers["X-Request-Id"] == expected


def test_the_ids_can_be_changed_without_the_errors():
    """``exclude`` of everything leaves a framework its pages, with the id on them."""
    app = flask.Flask(__name__)
    ErrorShape(app, exclude=("/",))
    response = app.test_client().get("/nowhere", headers={"X-Request-Id": "order-7"})

    assert response.content_type.startswith("text/html")
    assert response.headers["X-Request-Id"] == "order-7"
