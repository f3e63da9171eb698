"""Calls to other services: every client carries the trace, to the hosts that may learn of it."""

import asyncio
import json
import pickle
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3

import errorshape.aiohttp
import errorshape.httpx
import errorshape.requests
import errorshape.urllib3
from errorshape.demo import servers
from errorshape.trace.context import Trace, current
from errorshape.trace.outgoing import Propagation

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = Trace("order-7", f"00-{TRACE}-00f067aa0ba902b7-01", "foo=1")


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers it got, or redirects to where the query says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        _, _, target = self.path.partition("?")
        seen = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(seen)
        body = json.dumps(seen).encode()
        self.send_response(302 if target else 200)
        if target:
            self.send_header("Location", target)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture(scope="module")
def echo():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    server.seen = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _in_a_request():
    before = current.get()
    current.set(TRACED)
    yield
    current.set(before)


# One function a client: the headers that the last of the servers got.


def with_httpx(module, url, headers, options):
    with errorshape.httpx.propagate(
        module.Client(follow_redirects=True, trust_env=False, verify=False), **options
    ) as client:
        return client.get(url, headers=headers).json()


def with_httpx_async(module, url, headers, options):
    async def main():
        client = module.AsyncClient(follow_redirects=True, trust_env=False, verify=False)
        async with errorshape.httpx.propagate(client, **options):
            return (await client.get(url, headers=headers)).json()

    return asyncio.run(main())


def with_requests(url, headers, options):
    with errorshape.requests.propagate(requests.Session(), **options) as session:
        session.trust_env = False
        return session.get(url, headers=headers).json()


def with_aiohttp(url, headers, options):
    async def main():
        middlewares = [errorshape.aiohttp.propagate(**options)]
        async with (
            aiohttp.ClientSession(middlewares=middlewares) as session,
            session.get(url, headers=headers) as response,
        ):
            return await response.json(content_type=None)

    return asyncio.run(main())


def with_urllib3(url, headers, options):
    with errorshape.urllib3.propagate(urllib3.PoolManager(), **options) as manager:
        return manager.request("GET", url, headers=headers or None).json()


CLIENTS = {
    "httpx": lambda *args: with_httpx(httpx, *args),
    "httpx-async": lambda *args: with_httpx_async(httpx, *args),
    "httpx2": lambda *args: with_httpx(httpx2, *args),
    "httpx2-async": lambda *args: with_httpx_async(httpx2, *args),
    "requests": with_requests,
    "aiohttp": with_aiohttp,
    "urllib3": with_urllib3,
}


@pytest.fixture(params=CLIENTS)
def get(request, echo):
    """Ask the server with one of the clients; ``host`` is one of its two names."""

    def ask(path="/", headers=(), host="127.0.0.1", **options):
        echo.seen.clear()
        url = f"http://{host}:{echo.server_port}{path}"
        return CLIENTS[request.param](url, dict(headers), options)

    return ask


def test_a_call_carries_the_trace(get):
    """The id, the trace under a parent-id of this call, and the state of the trace."""
    seen = get()

    assert seen["x-request-id"] == "order-7"
    assert seen["traceparent"].startswith(f"00-{TRACE}-")
    assert seen["tracestate"] == "foo=1"
    assert get()["traceparent"] != seen["traceparent"]


@pytest.mark.parametrize("name", ["X-Request-Id", "x-request-id", "traceparent", "TraceState"])
def test_a_header_of_the_caller_stays(get, name):
    """In whatever case it is written; the others are added."""
    seen = get(headers={name: "mine"})

    assert seen[name.lower()] == "mine"
    assert {"x-request-id", "traceparent"} <= seen.keys()


def test_the_state_of_the_trace_goes_with_no_other_trace(get):
    """A ``traceparent`` of the caller is another trace, of which ours says nothing."""
    assert "tracestate" not in get(headers={"traceparent": f"00-{TRACE}-{'1' * 16}-00"})


def test_only_the_hosts_that_are_allowed_learn_of_it(get):
    """The option names them; by default it is every host."""
    assert "traceparent" in get(hosts=["127.0.0.1"])
    assert not {"x-request-id", "traceparent", "tracestate"} & get(hosts=["localhost"]).keys()
    assert not {"x-request-id", "traceparent", "tracestate"} & get(hosts=[]).keys()


def test_a_redirect_is_a_call_of_its_own(get, echo):
    """With its own parent-id, in the same trace."""
    get(f"/?http://127.0.0.1:{echo.server_port}/end")
    first, second = echo.seen

    assert first["traceparent"] != second["traceparent"]
    assert [seen["x-request-id"] for seen in echo.seen] == ["order-7"] * 2
    assert second["traceparent"].startswith(f"00-{TRACE}-")


def test_a_redirect_takes_the_trace_to_no_other_host(get, echo):
    """The host that is redirected to is asked for, not the one that redirects."""
    seen = get(f"/?http://localhost:{echo.server_port}/end", hosts=["127.0.0.1"])

    assert "traceparent" in echo.seen[0]
    assert not {"x-request-id", "traceparent", "tracestate"} & seen.keys()


def test_a_redirect_takes_the_trace_to_a_host_that_is_allowed(get, echo):
    """Also from one that is not."""
    seen = get(f"/?http://localhost:{echo.server_port}/end", hosts=["localhost"])

    assert "traceparent" not in echo.seen[0]
    assert seen["x-request-id"] == "order-7"


def test_a_header_of_the_caller_goes_on_with_a_redirect(get, echo):
    """What happens to it is the client's business, as without us."""
    seen = get(f"/?http://127.0.0.1:{echo.server_port}/end", headers={"X-Request-Id": "mine"})

    assert seen["x-request-id"] == "mine"


def test_the_header_can_be_named(get):
    """As ``trace_header`` renames the one that comes in."""
    seen = get(trace_header="X-Trace")

    assert seen["x-trace"] == "order-7"
    assert "x-request-id" not in seen


def test_outside_of_a_request_a_call_has_an_id_all_the_same(get):
    """A fresh one, so that the callee's records have something to be found by."""
    current.set(None)

    seen = get()

    assert seen["traceparent"].split("-")[1] == seen["x-request-id"].replace("-", "")


def test_wrong_options_say_what_is_meant(get):
    """They are refused where they are given, not with the first call."""
    with pytest.raises(TypeError, match=r"hosts is 'api\.example\.com'"):
        get(hosts="api.example.com")
    with pytest.raises(TypeError, match="hosts has 7"):
        get(hosts=[7])
    with pytest.raises(TypeError, match="hosts is 7"):
        get(hosts=7)
    with pytest.raises(ValueError, match="trace_header is 'X Trace'"):
        get(trace_header="X Trace")


# --- hosts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "host", "answer"),
    [
        ("api.example.com", "api.example.com", True),
        ("api.example.com", "API.Example.com.", True),
        ("API.EXAMPLE.COM", "api.example.com", True),
        ("api.example.com", "example.com", False),
        ("api.example.com", "evil-api.example.com", False),
        ("api.example.com", "x.api.example.com", False),
        (".example.com", "example.com", True),
        (".example.com", "a.b.example.com", True),
        (".example.com", "badexample.com", False),
        (".example.com", "example.com.evil.test", False),
        ("bücher.example", "xn--bcher-kva.example", True),
        (".bücher.example", "www.xn--bcher-kva.example", True),
        ("10.0.0.7", "10.0.0.7", True),
        ("[::1]", "::1", True),
        ("::1", "[::1]", True),
        ("api.example.com", "", False),
        ("api.example.com", None, False),
    ],
)
def test_hosts_are_compared_as_names(allowed, host, answer):
    """Without regard to case, to a final dot, or to how a name that is not ASCII is written."""
    assert Propagation([allowed], "X-Request-Id").allows(host) is answer


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "https://api.example.com",
        "api.example.com:443",
        "api.example.com/v1",
        "*",
        "*.example.com",
        "a b",
        "a..b",
        "x" * 64 + ".example",
    ],
)
def test_what_is_no_host_is_refused(host):
    """A limit that never matches would be found out late."""
    with pytest.raises(ValueError, match="without scheme, port or path"):
        Propagation([host], "X-Request-Id")


# --- what each client has of its own --------------------------------------------------------------


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_the_request_sent_again_is_a_call_of_its_own(module, echo):
    """As by an authentication that asks twice: what was added by us is no header of the caller."""
    with errorshape.httpx.propagate(module.Client(trust_env=False, verify=False)) as client:
        extensions = {"timeout": {"connect": 5, "read": 5, "write": 5, "pool": 5}}
        url = f"http://127.0.0.1:{echo.server_port}/"
        request = client.build_request("GET", url, extensions=extensions)
        first, second = client.send(request).json(), client.send(request).json()
        request.headers["X-Request-Id"] = "mine"
        third = client.send(request).json()

    assert first["traceparent"] != second["traceparent"]
    assert third["x-request-id"] == "mine"
    assert "errorshape" not in extensions


@pytest.mark.parametrize("module", [httpx, httpx2])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_redirect_that_is_followed_later_takes_the_trace_to_no_other_host(module, is_async, echo):
    """By ``response.next_request``, which a client that knows nothing of us may send."""
    url = f"http://127.0.0.1:{echo.server_port}/?http://localhost:{echo.server_port}/end"

    async def first():
        client = module.AsyncClient(trust_env=False, verify=False)
        async with errorshape.httpx.propagate(client, hosts=["127.0.0.1"]):
            return await client.get(url, headers={"X-Mine": "kept"})

    if is_async:
        response = asyncio.run(first())
    else:
        with module.Client(trust_env=False, verify=False) as client:
            errorshape.httpx.propagate(client, hosts=["127.0.0.1"])
            response = client.get(url, headers={"X-Mine": "kept"})
    assert response.json()["x-request-id"] == "order-7"
    response.next_request.stream = module.ByteStream(b"")  # that of both kinds of clients
    with module.Client(trust_env=False, verify=False) as plain:
        seen = plain.send(response.next_request).json()

    assert not {"x-request-id", "traceparent", "tracestate"} & seen.keys()
    assert seen["x-mine"] == "kept"


def test_requests_prepares_the_next_request_without_the_trace(echo):
    """Sent by a session that knows nothing of us it is that one's call."""
    url = f"http://127.0.0.1:{echo.server_port}/?http://localhost:{echo.server_port}/end"
    with errorshape.requests.propagate(requests.Session()) as session:
        response = session.get(url, allow_redirects=False)

    assert response.json()["x-request-id"] == "order-7"
    assert not {"x-request-id", "traceparent"} & {name.lower() for name in response.next.headers}


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_over_http_2_each_call_of_a_connection_is_one_of_its_own(module):
    """There names are in lower case (RFC 9113 §8.2); h2, which it takes, is hypercorn's."""
    argv = [sys.executable, "-m", "tests.trace.echo_http2"]
    with servers.start(argv, name="hypercorn", ready_timeout=30) as server:

        async def together():
            client = module.AsyncClient(http1=False, http2=True, trust_env=False, verify=False)
            async with errorshape.httpx.propagate(client):
                calls = [client.get(server.url, headers={"X-Mine": "mine"}) for _ in range(5)]
                return [response.json() for response in await asyncio.gather(*calls)]

        with errorshape.httpx.propagate(
            module.Client(http1=False, http2=True, trust_env=False, verify=False)
        ) as client:
            answers = [client.get(server.url, headers={"X-Mine": "mine"}).json() for _ in "12"]
            answers += [client.get(server.url, headers={"Traceparent": "mine"}).json()]
        answers += asyncio.run(together())
    versions = [version for version, *_ in answers]
    *calls, _ = seen = [dict(headers) for _, *headers in answers]
    given = calls.pop(2)

    assert set(versions) == {"2"}
    assert {call["x-request-id"] for call in seen} == {"order-7"}
    assert {call["tracestate"] for call in calls} == {"foo=1"}
    assert len({call["traceparent"] for call in calls}) == len(calls)
    assert all(call["traceparent"].startswith(f"00-{TRACE}-") for call in calls)
    assert given["traceparent"] == "mine"
    assert "tracestate" not in given
    assert all(len(headers) == len(dict(headers)) for _, *headers in answers)


def test_the_adapters_of_a_session_stay_what_they_are():
    """Their attributes are there, they are closed with the session, and it can be pickled."""
    session = errorshape.requests.propagate(requests.Session())
    adapter = session.get_adapter("https://example.com")

    assert adapter.max_retries is adapter.inner.max_retries
    again = pickle.loads(pickle.dumps(session))
    assert again.get_adapter("https://example.com").max_retries.total == 0
    with pytest.raises(AttributeError):
        _ = adapter.no_such_thing


def test_the_response_knows_what_was_sent(echo):
    """``response.request`` has the headers as they went out."""
    with errorshape.requests.propagate(requests.Session()) as session:
        session.trust_env = False
        response = session.get(f"http://127.0.0.1:{echo.server_port}/")

    assert response.request.headers["X-Request-Id"] == "order-7"


def test_pools_that_were_there_carry_the_trace_as_well(echo):
    """A manager that has been used before is no exception."""
    url = f"http://127.0.0.1:{echo.server_port}/"
    with urllib3.PoolManager(headers={"X-Mine": "1"}) as manager:
        assert "traceparent" not in manager.request("GET", url).json()
        seen = errorshape.urllib3.propagate(manager).request("GET", url).json()
        assert seen["x-request-id"] == "order-7"
        assert seen["x-mine"] == "1"
        pool = manager.connection_from_url(url)
        assert pool.urlopen("GET", "/").json()["x-request-id"] == "order-7"


def test_behind_a_proxy_the_host_is_the_one_that_is_asked(echo):
    """The pool is the proxy's; the limit is about the host of the URL."""
    proxy = f"http://127.0.0.1:{echo.server_port}"
    with urllib3.ProxyManager(proxy) as manager:
        errorshape.urllib3.propagate(manager, hosts=["api.example"])
        assert manager.request("GET", "http://api.example/").json()["x-request-id"] == "order-7"
        assert "traceparent" not in manager.request("GET", "http://other.example/").json()


@pytest.mark.parametrize("name", ["requests", "aiohttp", "urllib3"])
def test_a_client_that_is_missing_is_named(name):
    """The error says what to install."""
    code = f"import sys; sys.modules[{name!r}] = None; import errorshape.{name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert f"pip install 'errorshape[{name}]'" in done.stderr
