"""The audit examples: the id in a row of the database finds the request's log lines."""

import os
import re
import subprocess
import sys

import httpx
import pytest

from tests.test_examples import ENVIRONMENT, EXAMPLES, Example, _address

SERVERS = {
    "flask": "flask --app audit_flask run --port 0",
    "django": "waitress --listen 127.0.0.1:0 audit_django.wsgi:application",
}


@pytest.fixture(scope="module", params=SERVERS)
def example(request, tmp_path_factory):
    """Serve one example with a database of its own."""
    directory = tmp_path_factory.mktemp(request.param)
    log = directory / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", *SERVERS[request.param].split()],
            cwd=EXAMPLES,
            env={**ENVIRONMENT, "AUDIT_DB": os.fspath(directory / "audit.db")},
            stdout=stream,
            stderr=stream,
        )
    try:
        with httpx.Client(base_url=_address(process, log), trust_env=False) as client:
            yield Example(client, log)
    finally:
        process.terminate()
        process.wait(timeout=10)


def rows(example, trace_id):
    return example.client.get("/audit", params={"trace_id": trace_id}).json()["audit"]


def test_a_row_has_the_id_of_the_response_and_of_the_log(example):
    """From a row in the audit log to all that the request said, by one id."""
    response = example.client.post("/orders/a pen")
    trace_id = response.headers["X-Request-Id"]

    what = f"orders/{response.json()['id']}"
    assert rows(example, trace_id) == [{"trace_id": trace_id, "action": "created", "what": what}]
    lines = re.findall(rf"INFO {trace_id} orders: (.*)", example.log.read_text())
    assert lines == [f"placed {response.json()['id']}"]


def test_the_id_of_the_caller_is_in_the_row(example):
    """Services that hand the id on share it in their audit logs."""
    example.client.post("/orders/ink", headers={"X-Request-Id": "basket-7"})

    assert [row["trace_id"] for row in rows(example, "basket-7")] == ["basket-7"]


def test_what_was_undone_is_in_the_log_alone(example):
    """A failed request leaves no row, as it has changed nothing; its lines are there."""
    response = example.client.post("/orders/the moon")

    error = response.json()["error"]
    assert response.status_code == 409
    assert rows(example, error["trace_id"]) == []
    assert f"INFO {error['trace_id']} orders: placed" in example.log.read_text()
