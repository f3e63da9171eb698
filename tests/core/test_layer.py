"""The two pure steps, and the reports."""

import logging

import msgspec
import pytest
from werkzeug.exceptions import MethodNotAllowed, NotFound, ServiceUnavailable, TooManyRequests
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

import errorshape
from errorshape import (
    APIError,
    ErrorLayer,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    ServiceUnavailableError,
    UnauthorizedError,
)
from errorshape.core.body import MAX_BODY
from errorshape.core.http import Request
from errorshape.trace.context import Trace

API = Request("GET", "/api/x")
SITE = Request("GET", "/page")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def layer():
    return ErrorLayer()


def error_in(response):
    return msgspec.json.decode(response.body)["error"]


def headers_of(response):
    return {name.lower(): value for name, value in response.headers}


def test_the_response_is_complete(layer):
    """Any framework can send it as it is: exact headers, in order."""
    response = layer.respond(NotFoundError(details={"id": "1"}), trace_id="abc")

    assert (response.status, response.headers) == (
        404,
        [
            ("X-Request-Id", "abc"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(response.body))),
            ("Cache-Control", "no-store"),
        ],
    )


def test_outside_of_a_request_the_id_is_fresh(layer):
    """A script can use the same step."""
    first, second = layer.respond(NotFoundError()), layer.respond(NotFoundError())

    assert error_in(first)["trace_id"] != error_in(second)["trace_id"]


def test_inside_of_a_request_the_id_is_the_requests(layer):
    """From the context variable."""
    with errorshape.bind_trace_id("mine"):
        assert error_in(layer.respond(NotFoundError()))["trace_id"] == "mine"


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (UnauthorizedError(), "www-authenticate", "Bearer"),
        (UnauthorizedError(scheme='Basic realm="x"'), "www-authenticate", 'Basic realm="x"'),
        (UnauthorizedError(headers={"WWW-Authenticate": "DPoP"}), "www-authenticate", "DPoP"),
        (errorshape.InvalidGrantError(), "www-authenticate", "Bearer"),
        (RateLimitedError(), "retry-after", "7"),
        (RateLimitedError(retry_after=0), "retry-after", "0"),
        (RateLimitedError(headers={"Retry-After": "3"}), "retry-after", "3"),
        (ServiceUnavailableError(retry_after=5), "retry-after", "5"),
        (ServiceUnavailableError(), "retry-after", None),
        (NotFoundError(), "retry-after", None),
    ],
    ids=str,
)
def test_the_headers_that_a_status_must_have(error, name, value):
    """§3: 401 challenges, 429 always tells when, 503 when it knows."""
    assert headers_of(ErrorLayer(retry_after=7).respond(error)).get(name) == value


def test_a_retry_after_that_is_no_time_is_dropped_and_said(layer, caplog):
    """The 429 has its default all the same."""
    response = layer.respond(RateLimitedError(retry_after=float("nan")))

    assert headers_of(response)["retry-after"] == "1"
    assert "The retry_after of RateLimitedError is no time: dropped" in caplog.text


class OddError(APIError):
    code = "Odd Code"
    status = 9
    message = ""


def test_an_error_with_wrong_attributes_is_sent_all_the_same(layer, caplog):
    """By its class it is no entry of a catalogue, but the client gets the shape."""
    response = layer.respond(OddError())

    assert response.status == 500
    assert error_in(response)["code"] == "internal_error"
    assert error_in(response)["message"]
    assert "OddError has no valid code" in caplog.text


def test_an_undocumented_code_is_sent_and_logged_once(layer, caplog):
    """Somebody forgot to document it; the client is not to suffer."""

    class FreshError(APIError):
        code = "fresh"
        status = 409

    for _ in range(3):
        assert error_in(layer.respond(FreshError()))["code"] == "fresh"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "'fresh' is not in the catalogue" in caplog.text


def test_exposed_headers_expose_the_id(layer):
    """A browser's script may read it (Fetch §3.3.5)."""
    response = layer.respond(NotFoundError(headers={"Access-Control-Expose-Headers": "ETag"}))

    assert headers_of(response)["access-control-expose-headers"] == "ETag, X-Request-Id"
    assert [name for name, _ in response.headers].count("X-Request-Id") == 1


class TestWerkzeug:
    def test_status_message_and_headers_are_kept(self, layer):
        """What get_headers gives goes along, but for what speaks of its HTML."""
        response = layer.respond(MethodNotAllowed(["GET", "PUT"], "Not so."))

        assert (response.status, headers_of(response)["allow"]) == (405, "GET, PUT")
        assert headers_of(response)["content-type"] == "application/json"
        assert error_in(response)["message"] == "Not so."

    def test_a_5xx_has_the_catalogues_message(self, layer):
        """Its own might tell too much."""
        response = layer.respond(ServiceUnavailable("db-7 is down", retry_after=9))

        assert error_in(response)["message"] == ServiceUnavailableError.message
        assert headers_of(response)["retry-after"] == "9"

    def test_a_retry_after_of_0_survives(self, layer):
        """werkzeug itself leaves it out."""
        assert headers_of(layer.respond(TooManyRequests(retry_after=0)))["retry-after"] == "0"

    def test_a_redirect_is_left_alone(self, layer):
        """It is an exception only in Python."""
        response = layer.respond(RequestRedirect("/there"), trace_id="abc")

        assert (response.status, headers_of(response)["location"]) == (308, "/there")
        assert headers_of(response)["x-request-id"] == "abc"

    def test_a_redirect_is_not_reported(self, layer, caplog):
        """Nothing has failed."""
        caplog.set_level(logging.DEBUG)
        layer.answer(RequestRedirect("/there"))

        assert not caplog.records

    @pytest.mark.parametrize(
        ("made", "kept"),
        [
            (Response("<p>", 404, content_type="text/html"), False),
            (Response("{}", 429, content_type="application/json"), True),
        ],
        ids=["html", "json"],
    )
    def test_a_response_of_the_applications_own_is_judged_as_one(self, layer, made, kept):
        """abort(response) is a response that somebody has built."""
        response = layer.respond(NotFound(response=made))

        assert (response.body == made.get_data()) is kept
        assert "x-request-id" in headers_of(response)
        if kept:
            assert headers_of(response)["retry-after"] == "1"

    def test_a_response_that_cannot_be_had_is_an_internal_error(self, layer, caplog):
        """Whatever somebody put there."""
        response = layer.respond(NotFound(response="no response"))

        assert response.status == 500
        assert "NotFound has no response" in caplog.text

    def test_with_reshape_none_it_has_its_own_page(self):
        """The framework's own stays as it is, with the id."""
        response = ErrorLayer(reshape="none").respond(NotFound(), trace_id="abc")

        assert response.body.startswith(b"<!doctype html>")
        assert headers_of(response)["x-request-id"] == "abc"


class TestExcludedPaths:
    layer = ErrorLayer(include=("/api/",), exclude=("/api/admin/",))

    @pytest.mark.parametrize(
        ("path", "shaped"),
        [("/api/x", True), ("/apiary", False), ("/page", False), ("/api/admin/x", False)],
    )
    def test_paths_are_prefixes(self, path, shaped):
        """The longest path that is meant is written out."""
        assert self.layer.shapes(path) is shaped

    def test_an_error_is_plain_text_there(self):
        """A page's visitor gets no JSON, but the status and the header."""
        response = self.layer.respond(ForbiddenError("Not you."), request=SITE, trace_id="abc")

        assert (response.status, response.body) == (403, b"Not you.")
        assert headers_of(response)["content-type"] == "text/plain; charset=utf-8"
        assert headers_of(response)["x-request-id"] == "abc"

    def test_the_frameworks_own_page_stays_there(self):
        """As without errorshape."""
        assert b"<title>404" in self.layer.respond(NotFound(), request=SITE).body

    def test_responses_stay_there(self):
        """HTML is what a site is made of."""
        html = [("Content-Type", "text/html")]

        assert self.layer.reshape(404, html, b"<p>", request=SITE) is None
        assert self.layer.reshape(404, html, b"<p>", request=API) is not None


HTML = [("Content-Type", "text/html; charset=utf-8")]
TEXT = [("Content-Type", "text/plain")]
JSON = [("Content-Type", "application/json")]
PROBLEM = [("Content-Type", "application/problem+json")]
IMAGE = [("Content-Type", "image/png")]
CONFORMING = b'{"error":{"code":"gone","message":"Weg","trace_id":"abc"}}'


class TestReshape:
    @pytest.mark.parametrize(
        ("headers", "body", "replaced"),
        [
            (HTML, b"<p>", True),
            (HTML, None, True),
            (TEXT, b"no", True),
            ([("content-type", "TEXT/HTML")], b"x", True),
            ([("Content-Type", "application/xhtml+xml")], b"<p/>", True),
            (JSON, b"{}", False),
            (JSON, b"", True),
            (JSON, None, False),
            (PROBLEM, b"{}", False),
            (IMAGE, b"png", False),
            ([], b"", True),
            ([], None, True),
            ([], b"nope", True),
            ([], b' {"a":1}', False),
            ([], b"[1]", False),
        ],
        ids=str,
    )
    def test_html_text_and_nothing_are_replaced(self, layer, headers, body, replaced):
        """Another body was meant."""
        assert (layer.reshape(404, headers, body) is not None) is replaced

    @pytest.mark.parametrize("status", [200, 204, 302, 304, 101])
    def test_what_is_no_error_stays(self, layer, status):
        """Whatever it has."""
        assert layer.reshape(status, HTML, b"") is None

    def test_the_headers_of_the_old_body_go_and_all_others_stay(self, layer):
        """§3, line by line."""
        gone = [
            ("Content-Length", "3"),
            ("Content-Encoding", "gzip"),
            ("Content-Type", "text/html"),
            ("Content-Disposition", "inline"),
            ("Content-Language", "de"),
            ("Content-MD5", "x"),
            ("Content-Range", "bytes */4"),
            ("ETag", "x"),
            ("Last-Modified", "x"),
            ("Accept-Ranges", "bytes"),
            ("Digest", "x"),
            ("Cache-Control", "public"),
            ("Transfer-Encoding", "chunked"),
        ]
        stay = [
            ("Allow", "GET"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("Vary", "Cookie"),
            ("Access-Control-Allow-Origin", "*"),
        ]
        response = layer.reshape(405, gone + stay, b"old", trace_id="abc")

        assert response.headers[4:] == stay
        assert headers_of(response)["cache-control"] == "no-store"

    @pytest.mark.parametrize(
        ("headers", "body", "replaced"),
        [
            (JSON, b"{}", True),
            (JSON, CONFORMING, False),
            (JSON, b" " * MAX_BODY + CONFORMING, True),
            (JSON, None, False),
            ([*JSON, ("Content-Length", "99999")], None, True),
            (PROBLEM, b"{}", True),
            (IMAGE, b"png", False),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_all_replaces_json_that_does_not_conform(self, headers, body, replaced):
        """And what is too large to be looked at."""
        layer = ErrorLayer(reshape="all")

        assert (layer.reshape(410, headers, body, trace_id="abc") is not None) is replaced

    def test_all_puts_the_id_right_in_json_that_conforms_otherwise(self):
        """As from a service behind this one: what it says of the error is kept."""
        response = ErrorLayer(reshape="all").reshape(410, JSON, CONFORMING, trace_id="def")

        assert error_in(response) == {"code": "gone", "message": "Weg", "trace_id": "def"}

    def test_none_replaces_nothing(self):
        """Only exceptions are shaped."""
        assert ErrorLayer(reshape="none").reshape(404, HTML, b"") is None

    def test_debug_keeps_the_page(self):
        """The framework's own; that of a crash is text where nobody asks for HTML."""
        layer = ErrorLayer(debug=True)

        assert layer.reshape(500, HTML, b"<p>") is None
        assert layer.reshape(500, TEXT, b"Traceback") is None
        assert layer.reshape(500, [], b"") is not None
        assert layer.reshape(404, TEXT, b"no") is not None

    @pytest.mark.parametrize(
        ("mode", "status", "headers", "wanted"),
        [
            ("text", 404, [], True),
            ("text", 404, JSON, False),
            ("text", 404, HTML, False),
            ("all", 404, JSON, True),
            ("all", 404, IMAGE, False),
            ("all", 200, JSON, False),
            ("none", 404, [], False),
        ],
    )
    def test_when_the_body_has_to_be_seen(self, mode, status, headers, wanted):
        """Adapters collect only what decides something."""
        assert ErrorLayer(reshape=mode).wants_body(status, headers) is wanted

    def test_an_error_that_stays_has_the_headers_it_must_have(self, layer):
        """401 and 429 are useless without."""
        assert layer.complete(401, JSON) == [*JSON, ("WWW-Authenticate", "Bearer")]
        assert layer.complete(429, JSON) == [*JSON, ("Retry-After", "1")]
        assert layer.complete(429, [("retry-after", "9")]) == [("retry-after", "9")]
        assert layer.complete(404, JSON) == JSON


class TestIdentify:
    def test_a_valid_inbound_id_is_taken(self, layer):
        """§4, first step."""
        assert layer.identify("abc", None) == "abc"

    def test_the_trace_is_remembered_beside_it(self, layer):
        """Outgoing calls go on with the inbound trace."""
        assert layer.identify("abc", TRACEPARENT, "a=1") == Trace("abc", TRACEPARENT, "a=1")

    @pytest.mark.parametrize("request_id", [None, "", "not valid"])
    def test_else_the_trace_id_of_the_traceparent(self, layer, request_id):
        """§4, second step."""
        assert layer.identify(request_id, TRACEPARENT).id == TRACEPARENT[3:35]

    @pytest.mark.parametrize("traceparent", [None, "", "00-0-0-0"])
    def test_else_a_fresh_one(self, layer, traceparent):
        """§4, third step."""
        assert len(layer.identify(None, traceparent)) == 36

    def test_each_step_can_be_switched_off(self):
        """At the edge nobody is trusted."""
        assert len(ErrorLayer(trust_inbound=False).identify("abc", None)) == 36
        assert len(ErrorLayer(traceparent=False).identify(None, TRACEPARENT)) == 36

    def test_the_generator_can_be_replaced(self):
        """By any function that gives valid ids."""
        assert ErrorLayer(generate=lambda: "made").identify(None, None) == "made"

    @pytest.mark.parametrize("generate", [lambda: "not valid", lambda: None, lambda: 1 / 0])
    def test_a_generator_that_fails_is_logged(self, generate, caplog):
        """The request has an id all the same."""
        assert len(ErrorLayer(generate=generate).identify(None, None)) == 36
        assert len(caplog.records) == 1


class TestReports:
    def levels(self, caplog, exc, **options):
        caplog.set_level(logging.DEBUG)
        ErrorLayer(**options).answer(exc, request=API)
        return [(record.levelname, bool(record.exc_info)) for record in caplog.records]

    def test_what_nobody_expects_is_an_error_with_its_traceback(self, caplog):
        """Once."""
        assert self.levels(caplog, ValueError()) == [("ERROR", True)]
        assert "Unhandled exception: GET /api/x" in caplog.text

    def test_a_4xx_is_an_information(self, caplog):
        """The client's mistake."""
        assert self.levels(caplog, NotFoundError()) == [("INFO", False)]

    def test_a_5xx_is_an_error(self, caplog):
        """Without a traceback: it was raised on purpose."""
        assert self.levels(caplog, ServiceUnavailableError("Wait")) == [("ERROR", False)]
        assert "503 service_unavailable: GET /api/x: Wait" in caplog.text

    def test_a_5xx_with_a_cause_has_its_traceback(self, caplog):
        """The cause is what went wrong."""
        error = ServiceUnavailableError()
        error.__cause__ = KeyError("x")

        assert self.levels(caplog, error) == [("ERROR", True)]

    def test_a_hook_that_fails_is_logged_and_changes_nothing(self, caplog):
        """The others are called all the same."""
        seen = []

        def fails(*args):
            raise ValueError

        hooks = [fails, lambda *args: seen.append(args)]
        assert self.levels(caplog, NotFoundError(), on_error=hooks)[-1] == ("ERROR", True)
        assert len(seen) == 1

    def test_no_line_can_be_forged(self, caplog):
        """Control characters of a path are escaped."""
        ErrorLayer().answer(ValueError(), request=Request("GET", "/a\nERROR forged"))

        assert "GET /a\\nERROR forged" in caplog.messages[0]

    def test_a_message_without_text_can_be_logged(self, caplog):
        """Naming its type is enough."""

        class Silent:
            def __str__(self):
                raise ValueError

        assert self.levels(caplog, ServiceUnavailableError(Silent())) == [("ERROR", False)]

    def test_a_handler_that_raises_takes_nothing_with_it(self, capsys):
        """The response is there, and both failures are on stderr."""

        class Broken(logging.Handler):
            def emit(self, record):
                raise OSError("disk full")

        handler = Broken()
        logging.getLogger("errorshape").addHandler(handler)
        try:
            response = ErrorLayer().answer(ValueError("original"))
        finally:
            logging.getLogger("errorshape").removeHandler(handler)

        assert response.status == 500
        assert "ValueError: original" in (err := capsys.readouterr().err)
        assert "OSError: disk full" in err

    def test_without_stderr_there_is_still_a_response(self, monkeypatch):
        """Nobody is left to tell."""

        class Broken(logging.Filter):
            def filter(self, record):
                raise OSError("disk full")

        broken = Broken()
        monkeypatch.setattr("sys.stderr", object())
        logging.getLogger("errorshape").addFilter(broken)
        try:
            assert ErrorLayer().answer(ValueError("original")).status == 500
        finally:
            logging.getLogger("errorshape").removeFilter(broken)

    def test_the_number_of_codes_remembered_is_bounded(self, monkeypatch, caplog):
        """Codes that are built while running must not fill the memory."""
        monkeypatch.setattr("errorshape.core.report._MAX_CODES", 2)
        layer = ErrorLayer()
        for number in range(5):
            error = APIError()
            error.code = f"code_{number}"
            layer.respond(error)

        assert len(caplog.records) == 2


def test_log_records_can_be_left_alone(monkeypatch):
    """`log_records=False` touches no logging."""
    called = []
    monkeypatch.setattr("errorshape.trace.install", lambda: called.append(1))
    ErrorLayer(log_records=False)
    assert not called
    ErrorLayer()
    assert called


def test_an_exception_whose_class_no_table_can_hold_is_unexpected(layer):
    """Its class compares in a way of its own, and so has no hash."""

    class Unequal(type):
        __hash__ = None

    response = layer.respond(Unequal("OddError", (Exception,), {})())

    assert response.status == 500


def test_an_error_whose_class_no_table_can_hold_is_that_error():
    """Also where it might be a framework's own exception, which keeps its body."""

    class Unequal(type):
        __hash__ = None

    response = ErrorLayer(reshape="none").respond(
        Unequal("OddError", (APIError,), {"code": "odd"})()
    )

    assert error_in(response)["code"] == "odd"


def test_where_nobody_reads_info_a_client_that_left_makes_no_record(layer, caplog):
    """The text is not even put together."""
    caplog.set_level(logging.WARNING, "errorshape")

    layer.gone(None)

    assert not caplog.records
