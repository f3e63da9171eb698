"""errorshape.testing: the same assertion for every client, and the pytest plugin."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from types import SimpleNamespace

import pytest

import errorshape
from errorshape.demo.servers import start
from errorshape.testing import answer_of, assert_conforms, assert_error
from tests.stacks import BY_NAME

pytest_plugins = ["pytester"]
# Of Starlette 1.0's test client with an anyio that is newer than it.
pytestmark = pytest.mark.filterwarnings("ignore:The anyio.abc.BlockingPortal alias")

NOT_FOUND = {"id": "iss_01abc123"}
PATH = "/issues/iss_01abc123"


class TeaError(errorshape.APIError):
    """A class whose code no catalogue has."""

    code = "test_testing_tea"
    status = 409


@pytest.fixture(scope="module")
def url():
    """A real server that fails in the shape."""
    command = [sys.executable, "-m", "errorshape.demo.child", "waitress"]
    with start([*command, "errorshape.demo.apps.raw_wsgi:app"], name="demo") as server:
        yield server.url


def flask_client(url, method):
    from errorshape.demo.apps.flask_app import app

    return app.test_client().open(PATH, method=method)


def django_client(url, method):
    import django
    from django.test import Client

    django.setup()
    return Client().generic(method, "/details")


def starlette_client(url, method):
    from starlette.testclient import TestClient

    with TestClient(BY_NAME["raw_asgi"].build()) as client:
        return client.request(method, "/details")


def starlette_response(url, method):
    from starlette.responses import Response

    layer = errorshape.ErrorLayer(log_records=False)
    made = layer.respond(errorshape.NotFoundError(details=NOT_FOUND))
    return Response(made.body, made.status, dict(made.headers))


def httpx_client(url, method):
    import httpx

    return httpx.request(method, url + PATH, trust_env=False)


def httpx2_client(url, method):
    import httpx2

    return httpx2.request(method, url + PATH, trust_env=False)


def requests_client(url, method):
    import requests

    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url + PATH)


def aiohttp_client(url, method):
    import aiohttp

    async def ask():
        async with aiohttp.ClientSession() as session:
            async with session.request(method, url + PATH) as response:
                await response.read()
            return response

    return asyncio.run(ask())


CLIENTS = (
    flask_client,
    django_client,
    starlette_client,
    starlette_response,
    httpx_client,
    httpx2_client,
    requests_client,
    aiohttp_client,
)


@pytest.fixture(params=CLIENTS, ids=lambda client: client.__name__)
def ask(request, url):
    """Ask for an issue that is not there, with each client."""
    return lambda method="GET": request.param(url, method)


# --- assert_error --------------------------------------------------------------------------------


def test_the_right_error_passes(ask) -> None:
    """Code, class, status, details; the error comes back."""
    response = ask()
    error = assert_error(response, "not_found", status=404, details=NOT_FOUND)
    assert error["details"] == NOT_FOUND
    assert assert_error(response, errorshape.NotFoundError, message=error["message"]) == error
    assert_conforms(response, catalog=errorshape.STANDARD)


def test_a_wrong_error_shows_what_differs_and_the_whole_response(ask) -> None:
    """Everything that is needed to understand the failure is in its message."""
    with pytest.raises(AssertionError) as failure:
        assert_error(ask(), "conflict", details={"name": "x", "id": "y"}, message="No.")
    text = str(failure.value)
    for difference in (
        "The response is not the error 'conflict':",
        "  - the status is 404, not 409",
        "  - code is 'not_found', not 'conflict'",
        "  - details have no 'name'",
        "  - details['id'] is 'iss_01abc123', not 'y'",
        ", not 'No.'",
        "GET was answered with 404",
        '    "code": "not_found",',
    ):
        assert difference in text
    assert re.search(r"(?i)^x-request-id: \S+$", text, re.MULTILINE)
    with pytest.raises(AssertionError, match="details have 'id', too"):
        assert_error(ask(), "not_found", details={})


@pytest.mark.parametrize("client", [c for c in CLIENTS if c is not starlette_response])
def test_head_is_judged_by_its_headers(client, url) -> None:
    """There is no body to look at."""
    assert_error(client(url, "HEAD"), "not_found")


def response(status=404, body=b"", **headers):
    """Make a response as httpx has it."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return SimpleNamespace(status_code=status, headers=given, content=body)


def shaped(code, status=404, **more):
    """Make a shaped response."""
    error = {"code": code, "message": "m", "trace_id": "t", **more}
    body = json.dumps({"error": error}).encode()
    headers = {"X_Request_Id": "t", "Content_Type": "application/json", "Cache_Control": "no-store"}
    return response(status, body, **headers)


def test_a_code_of_ones_own_has_the_status_of_its_class() -> None:
    """Any class that has been imported is known."""
    assert_error(shaped(TeaError.code, 409), TeaError)
    with pytest.raises(AssertionError, match="the status is 418, not 409"):
        assert_error(shaped(TeaError.code, 418), TeaError.code)


def test_a_code_that_no_class_has_needs_no_status() -> None:
    """As of a service in another language; but it is an error."""
    assert_error(shaped("somebody_elses"), "somebody_elses")
    with pytest.raises(AssertionError, match="the status 200 is none of an error"):
        assert_error(shaped("somebody_elses", 200), "somebody_elses")


def test_a_status_that_is_kept_is_any_of_its_kind() -> None:
    """client_error stands for any other 4xx."""
    assert_error(shaped("client_error", 499), "client_error")
    with pytest.raises(AssertionError, match="the status is 500, not 4xx"):
        assert_error(shaped("client_error", 500), "client_error")


def test_the_contract_is_part_of_the_assertion() -> None:
    """Right code, wrong headers."""
    wrong = shaped("not_found")
    del wrong.headers["Cache-Control"]
    with pytest.raises(AssertionError, match="Cache-Control is None"):
        assert_error(wrong, "not_found")
    renamed = shaped("not_found")
    renamed.headers["X-Trace"] = renamed.headers.pop("X-Request-Id")
    assert_error(renamed, "not_found", trace_header="X-Trace")


def test_a_body_that_is_no_json_is_shown_as_it_is() -> None:
    """HTML, bytes, nothing."""
    with pytest.raises(AssertionError, match=r"(?s)code is None.*<h1>\\xff"):
        assert_error(response(body=b"<h1>\xff"), "not_found")
    with pytest.raises(AssertionError, match=r"\(no body\)"):
        assert_error(response(), "not_found", details={})
    with pytest.raises(AssertionError, match="details are 1"):
        assert_error(shaped("not_found", details=1), "not_found", details={})


def test_conforming_is_for_successes_too() -> None:
    """The id is on every response; the remedy is shown."""
    assert_conforms(response(200, b"{}", X_Request_Id="a"))
    with pytest.raises(AssertionError, match=r"(?s)there is no X-Request-Id.*Put the id on every"):
        assert_conforms(response(200, b"{}"))
    with pytest.raises(AssertionError, match="somebody_elses is not in the catalogue"):
        assert_conforms(shaped("somebody_elses"), catalog=errorshape.STANDARD)


def test_headers_that_are_there_twice_are_seen_twice(url) -> None:
    """requests joins them; the assertion looks below it."""
    twice = shaped("not_found")
    twice.headers["X-Request-Id"] = ["t", "t"]
    with pytest.raises(AssertionError, match="there are 2 X-Request-Id"):
        assert_error(twice, "not_found")


def test_djangos_streams_are_read() -> None:
    """A response of Django's own, as a view returns it."""
    from django.http import StreamingHttpResponse

    assert answer_of(StreamingHttpResponse([b"a", b"b"])).body == b"ab"


def test_urllibs_responses_are_read() -> None:
    """read() that is no coroutine."""
    made = SimpleNamespace(status=204, headers={}, read=lambda: b"x")
    assert answer_of(made).body == b"x"


@pytest.mark.parametrize("wrong", [None, 404, "404", SimpleNamespace(status_code=404)], ids=str)
def test_what_is_no_response_is_a_type_error(wrong) -> None:
    """The mistake is named."""
    with pytest.raises(TypeError, match="is no response"):
        assert_error(wrong, "not_found")


def test_a_response_of_aiohttp_has_to_be_read_first() -> None:
    """The sentence says how."""
    import aiohttp

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n")
        await reader.read()  # until the client has gone
        writer.close()
        await writer.wait_closed()
        over.set()

    async def ask():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = "http://127.0.0.1:{1}/".format(*server.sockets[0].getsockname())
            try:
                async with aiohttp.ClientSession() as session, session.get(url) as response:
                    answer_of(response)
            finally:
                await over.wait()

    over = asyncio.Event()

    with pytest.raises(TypeError, match=r"await response\.read\(\)"):
        asyncio.run(ask())


# --- the pytest plugin ---------------------------------------------------------------------------

APP = """
    import errorshape, logging
    from errorshape.wsgi import ErrorShapeMiddleware
    from werkzeug.test import Client

    class TeaError(errorshape.APIError):
        code = "tea"
        status = 409

    def app(environ, start_response):
        logging.getLogger("shop").info("pouring %s", environ["PATH_INFO"])
        raise TeaError

    client = Client(ErrorShapeMiddleware(app))
    known = Client(ErrorShapeMiddleware(app, catalog=errorshape.STANDARD.extend(TeaError)))
"""


TESTS = """
    import logging
    import pytest
    from shop import client, known

    def test_log(errorshape_log):
        one = known.get("/one", headers={"X-Request-Id": "one"})
        two = known.get("/two")
        assert errorshape_log.messages("one")[0] == "pouring /one"
        assert errorshape_log.messages(two)[0] == "pouring /two"
        assert {record.trace_id for record in errorshape_log.of(one)} == {"one"}
        assert errorshape_log.of("nobody's") == []
        assert len(errorshape_log.records) >= 4

    def test_level_is_as_before():
        assert logging.getLogger().level == logging.WARNING

    def test_without_the_fixture():
        client.get("/")

    @pytest.mark.usefixtures("errorshape_documented")
    class TestDocumented:
        def test_sent(self):
            client.get("/")

        def test_sent_again(self):
            client.get("/")

        def test_allowed(self, errorshape_documented):
            errorshape_documented.allowed.add("tea")
            client.get("/")

        def test_known(self):
            known.get("/")
"""


def test_the_fixtures(pytester, monkeypatch) -> None:
    """Records are found by id and by response; each test that sends an unknown code fails."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(shop=APP, test_shop=TESTS)
    result = pytester.runpytest_subprocess("-p", "errorshape.testing.plugin", "-v")
    result.assert_outcomes(passed=5, failed=2)
    result.stdout.fnmatch_lines(["*test_sent FAILED*", "*test_sent_again FAILED*"])
    result.stdout.fnmatch_lines(["Sent, but not in the catalogue: tea.*"])


def test_pytest_finds_the_plugin_by_itself() -> None:
    """The package brings the entry point."""
    (found,) = entry_points(group="pytest11", name="errorshape")
    assert found.value == "errorshape.testing.plugin"


def test_the_plugin_imports_no_framework() -> None:
    """pytest loads it at each start."""
    program = (
        "import sys\n"
        "import errorshape.testing.plugin\n"
        "print({'flask', 'django', 'schemathesis', 'rich', 'httpx'} & set(sys.modules))\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "set()\n"


# --- schemathesis --------------------------------------------------------------------------------


def test_the_check_takes_what_conforms_and_refuses_the_rest() -> None:
    """With and without a catalogue."""
    from errorshape.testing.schemathesis import contract_check, errorshape_contract

    good = shaped("somebody_elses")
    assert errorshape_contract(None, good, None) is None
    with pytest.raises(AssertionError):
        errorshape_contract(None, response(), None)
    with pytest.raises(AssertionError, match="not in the catalogue"):
        contract_check(errorshape.STANDARD)(None, good, None)


def test_the_check_without_schemathesis_names_the_remedy(monkeypatch) -> None:
    """The ImportError says what to install."""
    import importlib

    monkeypatch.delitem(sys.modules, "errorshape.testing.schemathesis", raising=False)
    monkeypatch.setitem(sys.modules, "schemathesis", None)
    with pytest.raises(ImportError, match="pip install schemathesis"):
        importlib.import_module("errorshape.testing.schemathesis")
