"""``errorshape check``: what it finds, where it looks, what it prints, and what it never sends."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree

import pytest

from errorshape import cli
from errorshape.contract.conformance import REMEDIES, Answer, breaches
from errorshape.contract.probe import command
from errorshape.contract.probe.probes import general, of_document
from errorshape.contract.probe.targets import ASGITarget, Sent, is_asgi
from errorshape.demo.servers import start
from tests import broken

EXAMPLES = Path(__file__).parent.parent / "examples"
#: Paths of the broken service.
PATHS = ("--path", "/private", "--path", "/busy")


@pytest.fixture
def check(capsys, monkeypatch, tmp_path):
    """Run the check and return its exit code and its report as JSON."""
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(broken.DOCUMENT))

    def run(*argv: str) -> tuple[int, dict]:
        exit_code = cli.main(["check", *argv, "--json"])
        out, err = capsys.readouterr()
        assert err == ""
        return exit_code, json.loads(out)

    run.document = str(document)
    return run


def rules_in(report: dict) -> set[str]:
    """Return the rules that a report has breaches of."""
    return {
        breach["rule"]
        for probe in report["probes"]
        for exchange in probe["exchanges"]
        for breach in exchange["breaches"]
    }


@pytest.fixture
def with_faults(monkeypatch):
    """Make ``tests.broken:app`` one with these faults."""
    return lambda *faults: monkeypatch.setattr(broken, "app", broken.build(*faults))


# --- what it finds -------------------------------------------------------------------------------


def test_a_service_that_keeps_the_contract_by_hand_has_no_breach(check) -> None:
    """errorshape itself is not needed to pass."""
    argv = ["tests.broken:app", *PATHS, "--openapi", check.document]
    argv += ["--catalog", "errorshape:STANDARD"]
    exit_code, report = check(*argv)
    assert (exit_code, rules_in(report)) == (0, set())
    assert report["holds"]


@pytest.mark.parametrize(("fault", "rule"), broken.FAULTS.items(), ids=list(broken.FAULTS))
def test_each_fault_is_found(fault, rule, check, with_faults) -> None:
    """One fault, and the check says which rule it breaks and how to mend it."""
    with_faults(fault)
    argv = ["tests.broken:app", *PATHS, "--openapi", check.document]
    if fault == "unknown-code":
        argv += ["--catalog", "errorshape:STANDARD"]
    exit_code, report = check(*argv)
    assert exit_code == 1
    assert not report["holds"]
    found = rules_in(report)
    assert rule in found
    # A fault may break more than one rule, but no rule that has nothing to do with it.
    also = {
        "one-id-for-all": {"ids-mixed", "id-ignored", "traceparent-ignored"},
        "id-with-spaces": {"trace-id-differs", "id-ignored", "traceparent-ignored"},
        "too-large": set(),
        "hostile-id-echoed": {"trace-id-form"},
        "traceback-shown": set(),
        "crash-on-malformed": {"undocumented-status"},
        "head-with-body": set(),
    }
    assert found - {rule} <= also.get(fault, set())


def test_ten_breaches_of_one_service_are_all_found(check) -> None:
    """The deliberately broken service: each of its ten seeded faults."""
    argv = ["tests.broken:ten", *PATHS, "--openapi", check.document]
    assert {broken.FAULTS[fault] for fault in broken.TEN} <= rules_in(check(*argv)[1])


def test_every_rule_has_a_remedy_and_a_fault() -> None:
    """Nothing is reported without saying how to mend it, and no rule is untried."""
    assert set(broken.FAULTS.values()) == set(REMEDIES)
    assert all(remedy.endswith(".") for remedy in REMEDIES.values())


def test_codes_of_ones_own_are_ones_own_affair(check, with_faults) -> None:
    """Without --catalog, any code of the right form will do."""
    with_faults("unknown-code")
    assert check("tests.broken:app")[0] == 0


@pytest.mark.parametrize("fault", ["good-id-ignored", "traceparent-ignored"])
def test_a_service_at_the_edge_may_ignore_ids(fault, check, with_faults) -> None:
    """--edge says that it is on purpose."""
    with_faults(fault)
    assert check("tests.broken:app", "--edge")[0] == 0


def test_a_service_at_the_edge_has_fresh_ids(check, with_faults) -> None:
    """--edge still sees ids that repeat."""
    with_faults("one-id-for-all")
    assert "ids-repeated" in rules_in(check("tests.broken:app", "--edge")[1])


@pytest.mark.parametrize(
    "body", [b"\xff", b"[1]", b"", b"[" * 100_000, b'{"error": 1}'], ids=lambda body: body[:12]
)
def test_a_body_that_is_no_error_is_not_the_shape(body) -> None:
    """Whatever it is, it is said, and nothing is raised."""
    headers = [("content-type", "application/json"), ("cache-control", "no-store")]
    answer = Answer(404, [*headers, ("x-request-id", "a")], body)
    assert "not-the-shape" in {breach.rule for breach in breaches(answer)}
    assert answer.error == {}


# --- no breach in anything of ours ---------------------------------------------------------------

DEMO = "errorshape.demo.apps."


@pytest.mark.parametrize(
    ("target", "settings"),
    [
        ("flask_app:app", ""),
        ("wsgi_app:app", ""),
        ("asgi_app:app", ""),
        ("small.with_starlette:app", ""),
        ("small.with_fastapi:app", ""),
        ("small.with_litestar:app", ""),
        ("small.with_quart:app", ""),
        ("django_app.wsgi:application", "django_app.settings"),
        ("django_app.asgi:application", "django_app.settings"),
        (f"{DEMO}flask_app:app", ""),
        (f"{DEMO}raw_asgi:app", ""),
        (f"{DEMO}raw_wsgi:app", ""),
        (f"{DEMO}django_wsgi:app", ""),
        (f"{DEMO}django_asgi:app", ""),
    ],
)
def test_examples_and_demo_keep_the_contract(target, settings) -> None:
    """Each in a process of its own, as a user would run it."""
    environment = {key: os.environ[key] for key in os.environ if key != "DJANGO_SETTINGS_MODULE"}
    if settings:
        environment["DJANGO_SETTINGS_MODULE"] = settings
    paths = ["--path", "/connectors", "--path", "/billing", "--path", "/charge"]
    shown = subprocess.run(
        [sys.executable, "-m", "errorshape", "check", target, *paths[: 2 if settings else 4]],
        cwd=EXAMPLES,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (shown.returncode, shown.stderr) == (0, ""), shown.stdout
    assert f"answers of {target} keep the contract." in shown.stdout


# --- a URL: gentle -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def service():
    """The broken service with its ten faults, on a port."""
    with start([sys.executable, "-m", "tests.broken", *broken.TEN], name="broken") as server:
        yield server.url


@pytest.fixture(scope="module")
def good_service():
    """The service without a fault, on a port."""
    with start([sys.executable, "-m", "tests.broken"], name="good") as server:
        yield server.url


def test_a_url_is_asked_with_safe_methods_only(good_service, check) -> None:
    """By default; what is left out is said."""
    exit_code, report = check(good_service)
    methods = {e["method"] for probe in report["probes"] for e in probe["exchanges"]}
    assert methods == {"GET", "HEAD", "TRACE"}
    assert exit_code == 0
    (left_out,) = report["left_out"]
    assert "malformed JSON" in left_out
    assert "--unsafe" in left_out


def test_unsafe_asks_for_more(service, check) -> None:
    """With --unsafe bodies are sent as well, and all ten faults are found from outside."""
    _, report = check(service, "--unsafe", *PATHS, "--openapi", check.document)
    assert {broken.FAULTS[fault] for fault in broken.TEN} <= rules_in(report)
    assert report["left_out"] == []


def test_the_number_of_requests_is_bounded(good_service, check) -> None:
    """Whole probes are left out, and named."""
    _, report = check(good_service, "--max-requests", "3")
    assert sum(len(probe["exchanges"]) for probe in report["probes"]) <= 3
    assert "raise --max-requests" in report["left_out"][-1]


def test_dry_run_sends_nothing(capsys) -> None:
    """It says what would be sent to where nobody listens."""
    assert cli.main(["check", "http://127.0.0.1:9", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert re.match(r"\d+ requests would go to http://127.0.0.1:9, and none has been sent:", out)
    assert "TRACE /" in out
    assert "Not sent: malformed JSON" in out


def test_a_service_in_this_process_can_be_spared(check) -> None:
    """--safe."""
    _, report = check("tests.broken:app", "--safe")
    methods = {e["method"] for probe in report["probes"] for e in probe["exchanges"]}
    assert "POST" not in methods


def test_headers_go_along_and_the_id_may_have_another_name(check, monkeypatch) -> None:
    """A token for the service, and a service with an id header of its own."""
    seen = []

    def app(environ, start_response):
        seen.append(environ.get("HTTP_AUTHORIZATION"))
        return broken.build()(environ, start_response)

    monkeypatch.setattr(broken, "app", app)
    header = ["--header", "Authorization: Bearer t"]
    assert check("tests.broken:app", *header)[0] == 0
    assert set(seen) == {"Bearer t"}
    exit_code, report = check("tests.broken:app", "--trace-header", "X-Trace")
    assert (exit_code, "no-trace-id" in rules_in(report)) == (1, True)


def test_an_answer_that_is_no_http_is_a_breach(check) -> None:
    """The service answers once, so that it is reached, and then with nonsense or not at all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for number in range(200):
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    if number % 2 and connection.recv(65536):
                        connection.sendall(b"nonsense\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        url = "http://127.0.0.1:{1}/base/".format(*listener.getsockname())
        _, report = check(url, "--max-requests", "5")
        listener.shutdown(socket.SHUT_RDWR)
    whats = json.dumps(report)
    assert "the answer is no HTTP response" in whats
    assert "no-answer" in rules_in(report)


def test_a_service_that_does_not_answer_is_a_breach(check) -> None:
    """It accepts connections, and that is all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = "http://127.0.0.1:{1}".format(*listener.getsockname())
        _, report = check(url, "--max-requests", "2", "--timeout", "0.1")
    assert "there is no response (timed out)" in json.dumps(report)


# --- an application in this process --------------------------------------------------------------


async def minimal(scope, receive, send):
    """An ASGI application without a lifespan."""
    if scope["type"] != "http":
        raise NotImplementedError
    assert (await receive())["type"] == "http.request"
    path = scope["path"]
    if path == "/raises":
        raise RuntimeError
    if path == "/nothing":
        return
    if path == "/hangs":
        await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.debug", "info": {}})  # not for us
    await send({"type": "http.response.body", "body": b"1", "more_body": True})
    await send({"type": "http.response.body", "body": b"2"})
    assert (await receive())["type"] == "http.disconnect"


class Lifespan:
    """An ASGI application with a lifespan that can fail."""

    def __init__(self, startup="complete", shutdown="complete"):
        self.said = {"startup": startup, "shutdown": shutdown}
        self.stopped = False

    async def __call__(self, scope, receive, send):
        """Serve nothing but the lifespan."""
        for phase in ("startup", "shutdown"):
            message = await receive()
            assert message == {"type": f"lifespan.{phase}"}
            if self.said[phase] == "hang":
                await receive()
            await send({"type": f"lifespan.{phase}.{self.said[phase]}"})
        self.stopped = True


def test_asgi_in_process_serves_as_a_server_does() -> None:
    """A body in parts, failures, silence, and one that takes too long."""
    target = ASGITarget("t", minimal, timeout=0.3)
    assert target.send(Sent("GET", "/ok?q=1", (("A", "b"),), b"x")) == Answer(
        200, [("a", "b")], b"12", "GET"
    )
    for path, what in (
        ("/raises", "RuntimeError"),
        ("/nothing", "without a response"),
        ("/hangs", "after 0.3 seconds"),
    ):
        with pytest.raises(Exception, match=what):
            target.send(Sent("GET", path))
    target.close()


def test_asgi_lifespan_is_run_to_its_end() -> None:
    """Start-up before the first request, shutdown after the last."""
    app = Lifespan()
    ASGITarget("t", app, timeout=1).close()
    assert app.stopped


def test_asgi_lifespan_that_does_not_end_is_left() -> None:
    """The check ends all the same."""
    app = Lifespan(shutdown="hang")
    ASGITarget("t", app, timeout=0.2).close()
    assert not app.stopped


@pytest.mark.parametrize(
    ("startup", "sentence"),
    [("failed", "does not start up (it gives no reason)"), ("hang", "within 0.2 seconds")],
)
def test_asgi_lifespan_that_fails_is_a_sentence(startup, sentence) -> None:
    """The application cannot be checked, and why."""
    with pytest.raises(cli.CommandError, match=re.escape(sentence)):
        ASGITarget("t", Lifespan(startup=startup), timeout=0.2)


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (minimal, True),
        (Lifespan(), True),
        (lambda scope, receive, send: None, True),
        (lambda environ, start_response: None, False),
        (lambda environ, start_response, own=1: None, False),
        (lambda *args: None, False),
        (broken.app, False),
        (type("App", (), {"__call__": lambda self, scope, receive, send: None})(), True),
        (dict, False),
    ],
)
def test_asgi_is_told_from_wsgi(app, expected) -> None:
    """By what it takes."""
    assert is_asgi(app) is expected


def test_wsgi_that_does_not_start_its_response_is_a_breach(check, monkeypatch) -> None:
    """PEP 3333: start_response is called before the first chunk."""
    monkeypatch.setattr(broken, "app", lambda environ, start_response: [b""])
    assert "start_response" in json.dumps(check("tests.broken:app")[1])


# --- the report ----------------------------------------------------------------------------------


def test_the_table_names_breach_request_and_remedy(capsys, with_faults) -> None:
    """For people: what is wrong, on what, how to mend it, and the sum."""
    with_faults("no-allow", "raises")
    assert cli.main(["check", "tests.broken:app", "--path", "/things"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"✗ +wrong method +ERRORSHAPE / +\(\+1\)", out)
    assert "✗ no-allow: a 405 without Allow\n    on ERRORSHAPE /things\n    Send Allow" in out
    assert "the application raised RuntimeError to its server" in out
    assert re.search(r"\d+ of \d+ answers of tests.broken:app break 2 rules of the contract\.", out)


def test_the_table_fits_a_terminal(capsys, monkeypatch) -> None:
    """On 80 columns each probe is one line; there is colour, unless NO_COLOR says no."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    cli.main(["check", "tests.broken:app"])
    coloured = capsys.readouterr().out
    assert "\x1b[3" in coloured
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", coloured)
    assert max(len(line) for line in plain.splitlines() if "GET" in line) <= 80
    monkeypatch.setenv("NO_COLOR", "1")
    cli.main(["check", "tests.broken:app"])
    assert "\x1b[3" not in capsys.readouterr().out


def test_the_table_is_plain_where_the_terminal_is() -> None:
    """ASCII is enough."""
    shown = subprocess.run(
        [sys.executable, "-m", "errorshape", "check", "tests.broken:app"],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert b"ok " in shown.stdout


def test_junit_has_a_case_for_each_probe(check, tmp_path, with_faults) -> None:
    """Machines read it as the results of tests."""
    with_faults("hostile-id-echoed")
    file = tmp_path / "check.xml"
    _, report = check("tests.broken:app", "--junit", str(file))
    suite = ElementTree.parse(file).getroot()
    assert int(suite.get("tests", "")) == len(report["probes"]) == len(suite.findall("testcase"))
    failures = suite.findall("testcase/failure")
    assert int(suite.get("failures", "")) == len(failures) > 0
    assert "Accept only" in (failures[0].text or "")


def test_logs_of_the_application_are_shown_only_on_request(capsys, monkeypatch, caplog) -> None:
    """The report is not to be searched for among log lines."""
    import logging

    def app(environ, start_response):
        logging.getLogger("shop").warning("seen")
        return broken.build()(environ, start_response)

    monkeypatch.setattr(broken, "app", app)
    cli.main(["check", "tests.broken:app"])
    assert caplog.records == []
    cli.main(["check", "tests.broken:app", "--logs"])
    assert caplog.records


# --- what is sent --------------------------------------------------------------------------------


def test_paths_of_a_document_are_filled_by_type() -> None:
    """A number where one is wanted; DELETE is never sent."""
    probes = {probe.name: probe for probe in of_document(broken.DOCUMENT)}
    assert probes["GET /things/{id}"].requests == (Sent("GET", "/things/999999999"),)
    assert list(probes) == ["GET /things/{id}", "GET /things", "POST /things: malformed JSON"]


def test_odd_documents_are_no_failure() -> None:
    """References that lead nowhere, parameters that are no list."""
    document = {
        "paths": {
            "/a/{b}": {
                "parameters": {},
                "get": {"parameters": [{"$ref": "#/nowhere/at/all"}, 7]},
                "post": {"requestBody": 7},
                "x-own": [],
            }
        }
    }
    (probe,) = of_document(document)
    assert probe.requests[0].path == "/a/errorshape-check"


def test_a_gentle_probe_has_no_method_that_changes_anything() -> None:
    """What is called safe is safe (RFC 9110 §9.2.1)."""
    probes = list(general(["/"], trace_header="X-Request-Id", edge=False, gentle=True))
    kept = {request.method for probe in probes if probe.is_safe for request in probe.requests}
    assert kept == {"GET", "HEAD", "TRACE"}


def test_paths_are_quoted(check) -> None:
    """A path as people write it."""
    _, report = check("tests.broken:app", "--path", "/größe und mehr")
    assert "/gr%C3%B6%C3%9Fe%20und%20mehr" in json.dumps(report)


# --- wrong input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["http://127.0.0.1:9"], "cannot be reached (Connection refused): start the service"),
        (["https://127.0.0.1:9"], "cannot be reached"),
        (["http://"], "names no host"),
        (["http://127.0.0.1:99999"], "is no valid URL"),
        (["ftp://127.0.0.1"], "is no URL of HTTP"),
        (["tests.broken"], "names no application"),
        (["tests.broken:TEN"], "is 'tuple', no application"),
        (["tests.broken:app", "--path", "orders"], "it begins with a slash"),
        (["tests.broken:app", "--header", "Authorization"], "write it like 'Name: value'"),
        (["tests.broken:app", "--timeout", "0"], "give a number above 0"),
        (["tests.broken:app", "--max-requests", "-1"], "give a number above 0"),
        (["tests.broken:app", "--openapi", "/nowhere.json"], "There is no file /nowhere.json"),
        (["tests.broken:app", "--catalog", "tests.broken:TEN"], "not a catalogue"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_input_is_one_sentence(argv, sentence, capsys) -> None:
    """Exit code 2, the remedy, no traceback."""
    assert cli.main(["check", *argv]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert sentence in err


def test_help_tells_how_a_url_is_treated() -> None:
    """One reads what will happen before it does."""
    assert "gently" in command.DESCRIPTION
