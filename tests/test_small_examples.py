"""The ten-line examples of the docs: each is that, and does what it is for, served as it says."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from errorshape.demo.servers import Server, start

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "small"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))

# How each server is run from here: on a free port, which it says.
SERVERS = {
    "uvicorn": "uvicorn {} --port 0",
    "hypercorn": "hypercorn {} --bind 127.0.0.1:0",
    "waitress-serve": "waitress --listen 127.0.0.1:0 {}",
    "flask": "flask {} --port 0",
}

GET = ("GET", "/connectors/7", None, 404, "not_found", {"id": "7"})
INVALID = ("POST", "/connectors", {"limit": "x"}, 400, "validation_error", ["limit"])
#: Method, path and JSON; status, code and details that come back.
FAILURES = dict.fromkeys(NAMES, GET) | dict.fromkeys(
    ["with_apiflask", "with_drf", "with_flask_smorest", "with_webargs"], INVALID
)


@pytest.fixture(params=NAMES)
def example(request: pytest.FixtureRequest) -> Iterator[tuple[str, Server]]:
    """One example, by the command that its first line gives."""
    name = request.param
    said = ast.get_docstring(ast.parse((EXAMPLES / f"{name}.py").read_text("utf-8")))
    program, arguments = re.search("``(.+)``", said)[1].split(maxsplit=1)
    command = [sys.executable, "-m", *SERVERS[program].format(arguments).split()]
    environment = {"PYTHONPATH": str(EXAMPLES)}
    with start(command, name=name, env=environment, ready_timeout=30) as server:
        yield name, server


def test_it_is_served(example):
    """A failure of the application and an unknown route have the shape."""
    name, server = example
    method, path, json, status, code, details = FAILURES[name]

    with httpx.Client(base_url=server.url, trust_env=False) as client:
        failed = client.request(method, path, json=json)
        unknown = client.get("/nowhere")

    error = failed.json()["error"]
    assert (failed.status_code, error["code"]) == (status, code)
    told = error["details"] if isinstance(details, dict) else list(error["details"])
    assert told == details
    assert error["trace_id"] == failed.headers["X-Request-Id"]
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("name", NAMES)
def test_it_has_ten_lines(name):
    """Of code: what is imported, blank lines and the first line are not counted."""
    text = (EXAMPLES / f"{name}.py").read_text("utf-8")
    body = ast.parse(text).body[1:]
    uncounted = {
        line
        for node in body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for line in range(node.lineno, node.end_lineno + 1)
    }
    lines = [
        line
        for number, line in enumerate(text.splitlines()[1:], 2)
        if line.strip() and number not in uncounted
    ]

    assert len(lines) <= 10, lines


@pytest.mark.parametrize("name", NAMES)
def test_it_is_in_the_docs(name):
    """The page of its framework includes it."""
    included = f"{{literalinclude}} ../../examples/small/{name}.py"

    assert any(included in page.read_text("utf-8") for page in (ROOT / "docs").rglob("*.md"))
