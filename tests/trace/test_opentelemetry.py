"""OpenTelemetry: its active span is what calls go on with, and may be what the id is."""

import asyncio
import json
import logging
import subprocess
import sys

import django.test
import flask
import httpx
import pytest
from django.http import JsonResponse
from django.test.utils import override_settings
from django.urls import path
from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.logging import LoggingInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

import errorshape
from errorshape import ErrorLayer, asgi
from errorshape.flask import ErrorShape
from errorshape.opentelemetry import IdGenerator
from errorshape.trace.ids import new_trace_hex
from tests import logs

django.setup()

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
def provider(spans):
    provider = TracerProvider(id_generator=IdGenerator(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return provider


@pytest.fixture
def tracer(provider):
    return provider.get_tracer("tests")


def seen():
    """Return what the code of a view sees."""
    context = trace.get_current_span().get_span_context()
    return {
        "trace": f"{context.trace_id:032x}",
        "span": f"{context.span_id:016x}",
        "flags": f"{context.trace_flags & 3:02x}",
        "id": errorshape.trace_id(),
        "outgoing": errorshape.trace.outgoing_headers(),
    }


# --- outgoing calls ------------------------------------------------------------------------------


def test_a_call_made_inside_a_span_is_its_child(tracer):
    """The trace-id, the flags and the parent are the span's; the request's id goes along."""
    with errorshape.bind_trace_id("order-7"), tracer.start_as_current_span("work"):
        view = seen()

    assert view["outgoing"] == {
        "X-Request-Id": "order-7",
        "traceparent": f"00-{view['trace']}-{view['span']}-{view['flags']}",
    }


def test_the_tracestate_of_a_span_goes_along(tracer):
    """What other systems have noted about the trace is handed on."""
    state = trace.TraceState([("foo", "1"), ("bar", "2")])
    remote = trace.SpanContext(int(TRACE, 16), 7, True, trace.TraceFlags(1), state)
    context = trace.set_span_in_context(trace.NonRecordingSpan(remote))

    with tracer.start_as_current_span("work", context=context):
        headers = errorshape.trace.outgoing_headers()

    assert headers["tracestate"] == "foo=1,bar=2"
    assert headers["traceparent"].startswith(f"00-{TRACE}-")
    assert headers["X-Request-Id"]


def test_a_call_made_outside_of_a_span_goes_on_with_the_request():
    """OpenTelemetry may be there and have nothing to say."""
    with errorshape.bind_trace_id(TRACE):
        assert errorshape.trace.outgoing_headers()["traceparent"].startswith(f"00-{TRACE}-")


def test_nobody_pays_for_opentelemetry_who_does_not_use_it():
    """It is looked for among the modules that are there, and never imported."""
    code = (
        "import sys, errorshape\n"
        "errorshape.ErrorLayer(trace_source='otel').identify(None)\n"
        "errorshape.trace.outgoing_headers()\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout == "[]\n"


# --- the id of the contract ----------------------------------------------------------------------


async def _asgi_view(scope, receive, send):
    body = json.dumps(seen()).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def call_asgi(provider, order, source, headers):
    """Serve one request, with OpenTelemetry's middleware around ours or inside of it."""
    app = _asgi_view
    for layer in order:
        if layer == "otel":
            app = OpenTelemetryMiddleware(app, tracer_provider=provider)
        else:
            app = asgi.ErrorShapeMiddleware(app, trace_source=source)

    async def get():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tests") as client:
            return await client.get("/", headers=headers)

    return asyncio.run(get())


def call_flask(provider, order, source, headers):
    """Serve one request of an application that has both, in the order they were added in."""
    app = flask.Flask(__name__)
    app.get("/")(seen)
    for layer in order:
        if layer == "otel":
            FlaskInstrumentor.instrument_app(app, tracer_provider=provider)
        else:
            ErrorShape(app, trace_source=source)
    return app.test_client().get("/", headers=headers)


urlpatterns = [path("", lambda request: JsonResponse(seen()))]


def call_django(provider, order, source, headers):
    """Serve one request with the middlewares in this order, the last one outermost."""
    with override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=["errorshape.django.ErrorShapeMiddleware"],
        ERRORSHAPE={"TRACE_SOURCE": source},
    ):
        position = 0 if order[-1] == "otel" else 1
        DjangoInstrumentor().instrument(tracer_provider=provider, middleware_position=position)
        try:
            return django.test.Client().get("/", headers=headers)
        finally:
            DjangoInstrumentor().uninstrument()


CALLS = pytest.mark.parametrize(
    "call", [call_asgi, call_flask, call_django], ids=["asgi", "flask", "django"]
)
ORDERS = pytest.mark.parametrize(
    "order", [("ours", "otel"), ("otel", "ours")], ids=["ours first", "ours last"]
)


@CALLS
@ORDERS
@pytest.mark.parametrize(
    "headers",
    [{}, {"X-Request-Id": "order-7"}, {"traceparent": TRACEPARENT, "X-Request-Id": "order-7"}],
    ids=["no header", "an id", "a trace"],
)
def test_the_trace_of_opentelemetry_is_the_id(provider, spans, call, order, headers):
    """One id finds the logs and the spans, whichever of the two comes first."""
    response = call(provider, order, "otel", headers)

    view = response.json() if callable(response.json) else response.get_json()
    (trace_hex,) = {f"{span.context.trace_id:032x}" for span in spans.get_finished_spans()}
    assert view["id"] == view["trace"] == trace_hex == response.headers["X-Request-Id"]
    assert view["outgoing"] == {
        "X-Request-Id": trace_hex,
        "traceparent": f"00-{trace_hex}-{view['span']}-{view['flags']}",
    }
    if "traceparent" in headers:
        assert trace_hex == TRACE


@CALLS
@ORDERS
def test_without_the_option_the_id_stays_the_requests(provider, call, order):
    """Only the trace goes on with the span; the id is what the client has sent."""
    response = call(provider, order, "headers", {"X-Request-Id": "order-7"})

    view = response.json() if callable(response.json) else response.get_json()
    assert view["id"] == response.headers["X-Request-Id"] == "order-7"
    assert view["trace"] in view["outgoing"]["traceparent"]


def test_the_trace_of_a_span_is_the_id_outside_of_a_request_as_well(tracer):
    """A response made without a request has the id of the span that it is made in."""
    layer = ErrorLayer(trace_source="otel")

    with tracer.start_as_current_span("work") as span:
        response = layer.respond(errorshape.NotFoundError())

    assert dict(response.headers)["X-Request-Id"] == f"{span.context.trace_id:032x}"


def test_a_generator_of_the_application_is_used_where_there_is_no_trace():
    """The option changes where the id is taken from, not how one is made."""
    layer = ErrorLayer(trace_source="otel", generate=lambda: "made-here")

    assert layer.identify("order-7") == "made-here"


def test_another_source_is_refused():
    """The message names the two that there are."""
    with pytest.raises(ValueError, match="'headers' or 'otel'"):
        ErrorLayer(trace_source="zipkin")


def test_a_trace_begun_in_a_request_has_its_id_only_if_that_is_one():
    """An id of another form cannot be a trace-id, and a UUID would spoil sampling by ratio."""
    generator = IdGenerator()

    with errorshape.bind_trace_id(TRACE):
        assert f"{generator.generate_trace_id():032x}" == TRACE
    for other in ("order-7", "0" * 32, errorshape.new_trace_id()):
        with errorshape.bind_trace_id(other):
            assert generator.generate_trace_id() != int(TRACE, 16)


def test_fresh_ids_are_sampled_by_their_ratio():
    """Of a thousand ids about half are sampled at one half; of UUIDs none would be."""
    sampler = TraceIdRatioBased(0.5)

    sampled = [
        sampler.should_sample(None, int(new_trace_hex(), 16), "work").decision.is_sampled()
        for _ in range(1000)
    ]

    assert 400 < sum(sampled) < 600


def test_the_fields_of_log_correlation_do_not_collide(tracer):
    """A record has OpenTelemetry's fields and ours, and each has its own value."""
    factory = logging.getLogRecordFactory()
    LoggingInstrumentor().instrument(
        inject_trace_context=True, enable_log_auto_instrumentation=False
    )
    try:
        errorshape.trace.install()
        records = []
        handler = logging.Handler()
        handler.emit = records.append
        logger = logging.getLogger("tests.otel")
        logger.addHandler(handler)
        with errorshape.bind_trace_id("order-7"), tracer.start_as_current_span("work") as span:
            logger.warning("both")
        logger.removeHandler(handler)
    finally:
        LoggingInstrumentor().uninstrument()
        logging.setLogRecordFactory(factory)

    (record,) = records
    assert record.trace_id == "order-7"
    assert record.otelTraceID == f"{span.context.trace_id:032x}"


def test_records_carry_the_trace_of_the_span(provider):
    """With the option every line of a request has the trace-id of its spans."""

    async def view(scope, receive, send):
        logging.getLogger("tests.otel").warning("in the view")
        await _asgi_view(scope, receive, send)

    app = OpenTelemetryMiddleware(
        asgi.ErrorShapeMiddleware(view, trace_source="otel"), tracer_provider=provider
    )

    async def get():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tests") as client:
            return await client.get("/")

    with logs.captured() as records:
        response = asyncio.run(get())

    (line,) = [record for record in records if record.logger == "tests.otel"]
    assert line.trace_id == response.headers["X-Request-Id"]
