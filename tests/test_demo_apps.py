"""The demo's five applications: what works, works the same on all of them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from errorshape.demo import child, servers, tour
from errorshape.demo.apps.routes import ROUTES


@pytest.fixture(scope="module", params=tour.STACKS, ids=lambda stack: stack.name)
def client(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """Start each application on its server."""
    stack = request.param
    with (
        servers.start(stack.argv, name=stack.name) as server,
        httpx.Client(base_url=server.url, trust_env=False) as client,
    ):
        yield client


def test_the_index_names_every_route(client: httpx.Client) -> None:
    """It has a trace id as every response has."""
    response = client.get("/")
    assert response.json() == {"try": [f"{route.method} {route.path}" for route in ROUTES]}
    assert response.headers["X-Request-Id"]


def test_a_connector_that_is_right_is_created(client: httpx.Client) -> None:
    """The route that is shown to refuse a field accepts a good one."""
    connector = {"name": "github", "config": {"api_key": "long enough"}}
    response = client.post("/connectors", json={"connector": connector})
    assert (response.status_code, response.json()) == (200, {"created": "github"})


def test_json_is_echoed(client: httpx.Client) -> None:
    """The route that is shown to refuse broken JSON accepts what is whole."""
    assert client.post("/echo", json={"a": [1]}).json() == {"a": [1]}


def test_importing_the_child_starts_nothing() -> None:
    """It is a program and a module."""
    assert set(child.SERVERS) == {"uvicorn", "waitress"}
