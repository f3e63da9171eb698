"""The caller's side, with real clients against a real server."""

import asyncio
import json
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import aiohttp
import httpx
import httpx2
import pytest
import requests
import stamina
import urllib3
from hypothesis import given
from hypothesis import strategies as st

import errorshape
from errorshape import APIError, NotFoundError, RateLimitedError, client
from errorshape.client import Backoff, UnexpectedResponseError, backoff, parse_retry_after

ID = "7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c"
NOT_FOUND = {"code": "not_found", "message": "No issue", "trace_id": ID, "details": {"id": "1"}}


class QuotaExceededError(APIError):
    """The workspace has used up its quota."""

    code = "quota_exceeded"
    status = 403

    def __init__(self, workspace):
        super().__init__(f"Quota of {workspace} exceeded.")


CATALOG = errorshape.STANDARD.extend(QuotaExceededError)


def shaped(**error):
    return json.dumps({"error": error}).encode()


def answer_of(path):
    """Return status, headers and body of a route of the test's service."""
    match path.strip("/").split("/"):
        case ["ok"]:
            return 200, {"Content-Type": "application/json"}, b'{"fine":true}'
        case ["not-found"]:
            return 404, {}, shaped(**NOT_FOUND, since="v2")
        case ["limited", *after]:
            return 429, {"Retry-After": after[0]} if after else {}, shaped(code="rate_limited")
        case ["own"]:
            return 403, {}, shaped(code="quota_exceeded", message="Full.")
        case ["fresh"]:
            return 503, {}, shaped(code="brand_new", message="New.", trace_id=ID)
        case ["proxy"]:
            page = b"<html><h1>502 Bad\nGateway\x1b[31m</h1>" + b"x" * 500
            return 502, {"Content-Type": "text/html", "X-Request-Id": ID}, page
        case ["empty"]:
            return 500, {}, b""
        case ["huge"]:
            return 500, {}, shaped(code="gone", message="x" * 200_000)
        case ["garbled"]:
            return 500, {"Content-Encoding": "gzip"}, b"no gzip"
    raise AssertionError(path)


def service(environ, start_response):
    status, headers, body = answer_of(environ["PATH_INFO"])
    start_response(f"{status} X", [*headers.items(), ("Content-Length", str(len(body)))])
    return [body]


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def url():
    with make_server("127.0.0.1", 0, service, WSGIServer, QuietHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


# Each gives the response to a request, decoded, or raises.


def with_httpx(method, url, module=httpx, **kwargs):
    with module.Client(trust_env=False) as http:
        return client.decode(http.request(method, url), **kwargs)


def with_httpx2(method, url, **kwargs):
    return with_httpx(method, url, module=httpx2, **kwargs)


def with_httpx_stream(method, url, **kwargs):
    with httpx.Client(trust_env=False) as http, http.stream(method, url) as response:
        return client.decode(response, **kwargs)


def with_httpx_async(method, url, module=httpx, **kwargs):
    async def call():
        async with module.AsyncClient(trust_env=False) as http:
            return await client.decode_async(await http.request(method, url), **kwargs)

    return asyncio.run(call())


def with_httpx2_async(method, url, **kwargs):
    return with_httpx_async(method, url, module=httpx2, **kwargs)


def with_httpx_async_stream(method, url, **kwargs):
    async def call():
        async with (
            httpx.AsyncClient(trust_env=False) as http,
            http.stream(method, url) as response,
        ):
            return await client.decode_async(response, **kwargs)

    return asyncio.run(call())


def with_httpx_hook(method, url, catalog=CATALOG):
    hooks = {"response": [client.raising(catalog)]}
    with httpx.Client(trust_env=False, event_hooks=hooks) as http:
        return http.request(method, url)


def with_httpx_async_hook(method, url, catalog=CATALOG):
    async def call():
        hooks = {"response": [client.raising_async(catalog)]}
        async with httpx.AsyncClient(trust_env=False, event_hooks=hooks) as http:
            return await http.request(method, url)

    return asyncio.run(call())


def with_requests(method, url, stream=False, **kwargs):
    with requests.Session() as session:
        session.trust_env = False
        with closing(session.request(method, url, stream=stream)) as response:
            return client.decode(response, **kwargs)


def with_requests_stream(method, url, **kwargs):
    return with_requests(method, url, stream=True, **kwargs)


def with_requests_hook(method, url, catalog=CATALOG):
    with requests.Session() as session:
        session.trust_env = False
        session.hooks["response"].append(client.raising(catalog))
        return session.request(method, url)


def with_urllib3(method, url, preload_content=True, **kwargs):
    with (
        urllib3.PoolManager(retries=False) as pool,
        closing(pool.request(method, url, preload_content=preload_content)) as response,
    ):
        return client.decode(response, method=method, **kwargs)


def with_urllib3_stream(method, url, **kwargs):
    return with_urllib3(method, url, preload_content=False, **kwargs)


def with_aiohttp(method, url, read=False, **kwargs):
    async def call():
        async with aiohttp.ClientSession() as session, session.request(method, url) as response:
            if read:
                await response.read()
            return await client.decode_async(response, **kwargs)

    return asyncio.run(call())


def with_aiohttp_read(method, url, **kwargs):
    return with_aiohttp(method, url, read=True, **kwargs)


def with_aiohttp_hook(method, url, catalog=CATALOG):
    async def call():
        raising = client.raising_async(catalog)
        async with (
            aiohttp.ClientSession(raise_for_status=raising) as session,
            session.request(method, url) as response,
        ):
            return response

    return asyncio.run(call())


CALLS = [value for name, value in list(globals().items()) if name.startswith("with_")]


@pytest.fixture(params=CALLS, ids=lambda call: call.__name__.removeprefix("with_"))
def call(request, url):
    def calling(path, method="GET"):
        return request.param(method, url + path, catalog=CATALOG)

    return calling


def test_a_response_that_is_no_error_comes_back(call):
    """So that decoding stands in the middle of an expression."""
    response = call("/ok")

    assert getattr(response, "status_code", None) or response.status == 200


def test_the_same_class_comes_out(call):
    """With what the service said, and what it says since a later version left alone."""
    with pytest.raises(NotFoundError) as caught:
        call("/not-found")

    error = caught.value
    assert (error.message, error.trace_id, error.details) == ("No issue", ID, {"id": "1"})
    assert (error.status, str(error)) == (404, f"not_found [{ID}]: No issue")


def test_a_code_of_the_applications_own(call):
    """Whatever arguments its class wants."""
    with pytest.raises(QuotaExceededError) as caught:
        call("/own")

    assert (caught.value.message, caught.value.trace_id) == ("Full.", None)


def test_an_unknown_code_is_kept(call):
    """A service may be newer than its caller."""
    with pytest.raises(APIError) as caught:
        call("/fresh")

    error = caught.value
    assert type(error) is APIError
    assert (error.code, error.status, error.message) == ("brand_new", 503, "New.")
    assert error.retryable


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/limited", None), ("/limited/7", 7.0), ("/limited/soon", None)],
)
def test_retry_after_comes_along(call, path, expected):
    """In seconds, if the service said so."""
    with pytest.raises(RateLimitedError) as caught:
        call(path)

    assert caught.value.retry_after == expected
    assert caught.value.message == RateLimitedError.message


def test_a_page_of_a_proxy_says_what_it_is(call):
    """Its status, a bounded excerpt that can forge no line, and the id if there is one."""
    with pytest.raises(UnexpectedResponseError) as caught:
        call("/proxy")

    error = caught.value
    assert (error.status, error.code, error.content_type) == (502, "bad_gateway", "text/html")
    assert error.excerpt.startswith("<html><h1>502 Bad Gateway\ufffd[31m</h1>x")
    assert len(error.excerpt) == client.MAX_EXCERPT
    assert error.trace_id == ID
    assert error.excerpt in str(error)
    assert error.retryable


def test_an_empty_body_says_so(call):
    """There is an error all the same."""
    with pytest.raises(UnexpectedResponseError, match="it is empty"):
        call("/empty")


@pytest.mark.parametrize(
    "reading",
    [
        with_httpx_stream,
        with_httpx_async_stream,
        with_requests_stream,
        with_urllib3_stream,
        with_aiohttp,
    ],
)
def test_a_body_that_cannot_be_read_is_as_good_as_empty(reading, url):
    """Nothing else is raised. (Clients that read at once raise before anybody is asked.)"""
    with pytest.raises(UnexpectedResponseError, match="it is empty"):
        reading("GET", url + "/garbled")


def test_no_more_is_read_than_the_bound(call):
    """Two hundred kilobytes are no error of ours."""
    with pytest.raises(UnexpectedResponseError):
        call("/huge")


@pytest.mark.parametrize(("method", "idempotent"), [("GET", True), ("PUT", True), ("POST", False)])
def test_the_error_knows_whether_the_request_may_be_sent_again(call, method, idempotent):
    """RFC 9110 §9.2.2."""
    with pytest.raises(APIError) as caught:
        call("/fresh", method)

    assert caught.value.idempotent is idempotent


def test_an_idempotency_key_makes_a_request_repeatable(url):
    """The service will see that it is the same."""
    response = httpx.post(url + "/fresh", headers={"Idempotency-Key": "k1"}, trust_env=False)

    assert client.error_in(response).idempotent
    assert client.error_in(httpx.get(url + "/ok", trust_env=False)) is None


def test_what_is_read_asynchronously_says_so(url):
    """Rather than be taken for empty."""

    async def calls():
        async with aiohttp.ClientSession() as session, session.get(url + "/empty") as response:
            with pytest.raises(TypeError, match=r"use decode_async\(\)"):
                client.decode(response)
        async with (
            httpx.AsyncClient(trust_env=False) as http,
            http.stream("GET", url + "/empty") as response,
        ):
            with pytest.raises(TypeError, match=r"use decode_async\(\)"):
                client.decode(response)

    asyncio.run(calls())


class Response:
    """As little as httpx's responses have."""

    request = SimpleNamespace(method="GET", headers={})

    def __init__(self, status, headers, body):
        self.status_code, self.headers, self.body = status, headers, body

    def iter_bytes(self):
        yield self.body


codes = st.sampled_from(["gone", "brand_new", "Not A Code", ""]) | st.text(max_size=5)
details = st.dictionaries(st.text(), st.text() | st.integers()) | st.lists(st.text())
errors = st.fixed_dictionaries(
    {"code": codes | st.integers()},
    optional={
        "message": st.text(max_size=20) | st.none(),
        "trace_id": st.text(max_size=20) | st.integers(),
        "details": details,
    },
)
bodies = st.binary(max_size=300) | errors.map(lambda error: json.dumps({"error": error}).encode())


@given(
    status=st.integers(400, 999),
    headers=st.dictionaries(
        st.sampled_from(["X-Request-Id", "Retry-After", "Content-Type"]), st.text(max_size=30)
    ),
    body=bodies,
)
def test_decoding_raises_nothing_but_the_documented_errors(status, headers, body):
    """Whatever comes over the wire."""
    error = client.error_in(Response(status, headers, body))

    assert isinstance(error, APIError)
    assert error.status == status
    assert len(str(error)) < 1_000
    assert backoff(error) in (True, False) or backoff(error) >= 0


@given(st.text(max_size=40))
def test_retry_after_is_a_time_or_nothing(value):
    """RFC 9110 §10.2.3, whatever comes."""
    parsed = parse_retry_after(value)

    assert parsed is None or isinstance(parsed, (float, datetime))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120.0),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("-1", None),
        ("1.5", None),
        ("1" * 50, None),
        ("Fri, 02 Jan 2026 03:04:05 GMT", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("Fri, 02 Jan 2026 03:04:05 -0000", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("soon", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(value, expected):
    """Both forms of the header."""
    assert parse_retry_after(value) == expected


def failed(status, *, idempotent=True, retry_after=None):
    error = APIError()
    error.status, error.idempotent, error.retry_after = status, idempotent, retry_after
    return error


@pytest.mark.parametrize(
    ("error", "worth"),
    [
        (failed(500), True),
        (failed(503, retry_after=3.0), 3.0),
        (failed(503, retry_after=0.0), 0.0),
        (failed(503, retry_after=3600.0), False),
        (failed(429), True),
        (failed(408), True),
        (failed(404), False),
        (failed(409, retry_after=1.0), False),
        (failed(500, idempotent=False), False),
        (ValueError(), False),
    ],
    ids=str,
)
def test_which_failures_are_worth_another_try(error, worth):
    """5xx, 408, 425 and 429 of requests that can be repeated, when the service says."""
    assert backoff(error) == worth
    assert type(backoff(error)) is type(worth)


def test_any_method_if_told_so():
    """The caller may know better."""
    assert Backoff(any_method=True)(failed(500, idempotent=False)) is True


def test_a_date_is_so_many_seconds_from_now():
    """Not below none."""
    soon = failed(503, retry_after=datetime.now(UTC) + timedelta(seconds=30))
    past = failed(503, retry_after=datetime.now(UTC) - timedelta(seconds=30))

    assert 25 < backoff(soon) <= 30
    assert backoff(past) == 0


def test_the_wait_grows_to_its_bound_and_is_spread():
    """Exponential, with full jitter."""
    waiting = Backoff(initial=1, maximum=8)
    ceilings = [
        max(waiting.seconds(failed(500), n) for _ in range(300)) for n in (1, 2, 3, 4, 9, 999)
    ]

    for ceiling, bound in zip(ceilings, (1, 2, 4, 8, 8, 8), strict=True):
        assert bound * 0.8 < ceiling <= bound
    assert waiting.seconds(failed(404), 1) is None
    assert waiting.seconds(failed(503, retry_after=2.5), 1) == 2.5


@pytest.mark.parametrize("name", ["initial", "maximum", "longest"])
def test_a_negative_time_is_refused(name):
    """With the rule."""
    with pytest.raises(ValueError, match=f"{name} is -1: it is a number of seconds, from 0"):
        Backoff(**{name: -1})


def test_stamina_goes_by_it(url):
    """As long as it is worth it, and at the service's pace."""
    calls = []

    @stamina.retry(on=backoff, attempts=3, wait_initial=0.001, wait_jitter=0)
    def ask(path):
        calls.append(time.monotonic())
        return client.decode(httpx.get(url + path, trust_env=False))

    for path, attempts in (("/fresh", 3), ("/limited/0", 3), ("/not-found", 1)):
        calls.clear()
        with pytest.raises(APIError):
            ask(path)
        assert len(calls) == attempts, path


def test_what_is_read_already_is_decoded_asynchronously_too(url):
    """A client that is asynchronous loads most responses at once; another's may be decoded so."""

    async def loaded():
        async with httpx.AsyncClient(trust_env=False) as http:
            return await http.get(url + "/empty")

    responses = [asyncio.run(loaded()), httpx.get(url + "/empty", trust_env=False)]
    for response in (*responses, requests.get(url + "/empty", timeout=5)):
        with pytest.raises(client.UnexpectedResponseError):
            asyncio.run(client.decode_async(response))
