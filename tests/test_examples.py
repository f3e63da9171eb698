"""The examples run as their docstrings say, and every one gives the same answers."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"

# Port 0: the server finds a free one and says which.
SERVERS = {
    "flask": "flask --app flask_app run --port 0",
    "wsgi": "waitress --listen 127.0.0.1:0 wsgi_app:app",
    "asgi": "uvicorn --port 0 --lifespan off asgi_app:app",
    "django-wsgi": "waitress --listen 127.0.0.1:0 django_app.wsgi:application",
    "django-asgi": "uvicorn --port 0 --lifespan off django_app.asgi:application",
}
START_SECONDS = 20
# The Django project knows its settings; those of the other tests are not for it.
ENVIRONMENT = {name: os.environ[name] for name in os.environ if name != "DJANGO_SETTINGS_MODULE"}


class Example(NamedTuple):
    """A running example: how to talk to it, and the file it logs to."""

    client: httpx.Client
    log: Path


@pytest.fixture(scope="module", params=SERVERS)
def example(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Example]:
    """Serve one example on a port of its own."""
    log = tmp_path_factory.mktemp(request.param) / "log"
    command = [sys.executable, "-m", *SERVERS[request.param].split()]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=EXAMPLES, env=ENVIRONMENT, stdout=stream, stderr=stream
        )
    try:
        with httpx.Client(base_url=_address(process, log), trust_env=False) as client:
            yield Example(client, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if address := re.search(r"http://127\.0\.0\.1:[1-9]\d*", log.read_text()):
            return address[0]
        time.sleep(0.02)
    raise AssertionError(f"The example did not start:\n{log.read_text()}")


def _assert_error(
    response: httpx.Response, status: int, code: str, details: dict[str, str] | None = None
) -> None:
    error = response.json()["error"]
    expected = {"code": code, "message": error["message"], "trace_id": error["trace_id"]}
    if details is not None:
        expected["details"] = details
    assert response.json() == {"error": expected}
    assert response.status_code == status
    assert error["message"]
    assert response.headers.get_list("X-Request-Id") == [error["trace_id"]]
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"


CLIENT = {"Authorization": "Bearer client-key"}


@pytest.fixture(scope="module")
def person(example: Example) -> dict[str, str]:
    """The headers of somebody who has exchanged a token."""
    response = example.client.post("/token", headers=CLIENT, json={"subject_token": "token-of-ada"})
    assert response.status_code == 200
    return {"Authorization": f"Bearer {response.json()['access_token']}"}


def _connector(name: str = "crm", **config: object) -> dict[str, object]:
    return {"connector": {"name": name, "config": {"api_key": "0123456789", **config}}}


def test_unknown_connector(example: Example) -> None:
    """The error says which connector there is none of."""
    response = example.client.get("/connectors/con_0")
    _assert_error(response, 404, "not_found", {"id": "con_0"})
    assert response.json()["error"]["message"] == "Connector con_0 not found"


def test_unknown_route(example: Example) -> None:
    """What the router refuses has the same shape as what the service refuses."""
    _assert_error(example.client.get("/nothing"), 404, "not_found")


def test_wrong_method(example: Example) -> None:
    """A wrong method tells the right ones."""
    response = example.client.delete("/connectors")
    _assert_error(response, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/token", {"subject_token": "token-of-ada"}, id="token"),
        pytest.param("/connectors", _connector(), id="create"),
        pytest.param("/connectors/con_0/sync", None, id="sync"),
    ],
)
def test_without_authorization(example: Example, path: str, body: object) -> None:
    """A request without a token is told how to bring one."""
    response = example.client.post(path, json=body)
    _assert_error(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_invalid_subject_token(example: Example) -> None:
    """A token that nobody has cannot be exchanged."""
    response = example.client.post("/token", headers=CLIENT, json={"subject_token": "forged"})
    _assert_error(response, 401, "invalid_grant")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param(_connector(api_key="short"), "connector.config.api_key", id="too-short"),
        pytest.param(_connector(api_key=7), "connector.config.api_key", id="wrong-type"),
        pytest.param(_connector(region="moon"), "connector.config.region", id="no-choice"),
        pytest.param(_connector(zone="a"), "connector.config.zone", id="unknown"),
        pytest.param(
            {"connector": {"name": "crm", "config": {}}}, "connector.config.api_key", id="missing"
        ),
        pytest.param([], "$", id="whole"),
    ],
)
def test_invalid_field(example: Example, person: dict[str, str], body: object, path: str) -> None:
    """A nested field that is not valid is named by its path."""
    response = example.client.post("/connectors", headers=person, json=body)
    details = response.json()["error"]["details"]
    _assert_error(response, 400, "validation_error", {path: details[path]})
    assert details[path]
    assert "moon" not in details[path]


def test_malformed_body(example: Example, person: dict[str, str]) -> None:
    """A body that is no JSON is invalid as a whole."""
    response = example.client.post("/connectors", headers=person, content=b"{")
    details = response.json()["error"]["details"]
    _assert_error(response, 400, "validation_error", {"$": details["$"]})


def test_life_of_connectors(example: Example, person: dict[str, str]) -> None:
    """Connectors are made, listed, shown and synchronised until a limit is reached."""
    client, log = example
    trace = {"X-Request-Id": "the-first-connector"}

    created = client.post("/connectors", headers=person | trace, json=_connector("crm"))
    crm = created.json()
    assert created.status_code == 201
    assert crm == {"id": crm["id"], "name": "crm", "region": "eu"}
    assert created.headers["X-Request-Id"] == "the-first-connector"
    assert re.search(rf"INFO the-first-connector .*: ada created {crm['id']}", log.read_text())

    assert client.get("/connectors").json() == {"connectors": [crm]}
    assert client.get(f"/connectors/{crm['id']}").json() == crm

    again = client.post("/connectors", headers=person, json=_connector("crm"))
    _assert_error(again, 409, "conflict", {"name": "crm"})

    sync = f"/connectors/{crm['id']}/sync"
    assert client.post(sync, headers=person).status_code == 202
    limited = client.post(sync, headers=person)
    _assert_error(limited, 429, "rate_limited")
    assert 0 < int(limited.headers["Retry-After"]) <= 60

    for name in ("erp", "mail"):
        assert client.post("/connectors", headers=person, json=_connector(name)).status_code == 201
    full = client.post("/connectors", headers=person, json=_connector("files"))
    _assert_error(full, 403, "connector_limit", {"limit": "3"})


def test_django_check() -> None:
    """Django's own checks, errorshape's among them, find nothing in the Django project."""
    check = subprocess.run(
        [sys.executable, "-m", "django_app.manage", "check", "--fail-level", "INFO"],
        cwd=EXAMPLES,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (check.returncode, check.stdout) == (
        0,
        "System check identified no issues (0 silenced).\n",
    ), check.stderr
