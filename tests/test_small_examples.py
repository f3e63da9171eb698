"""The ten-line examples: each does what its page says, on its framework."""

import asyncio
import importlib.util
import sys
from pathlib import Path

import pytest

from tests.drivers import Request, run_asgi

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize("name", ["starlette", "fastapi", "litestar", "quart"])
def test_example(name, monkeypatch):
    """An error of the application and an unknown route have the shape."""
    spec = importlib.util.spec_from_file_location(f"{name}_example", EXAMPLES / f"{name}_app.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # Litestar looks its handlers up there
    spec.loader.exec_module(module)
    if name == "litestar":
        from tests.stacks.litestar_app import start

        asyncio.run(start(module.app))

    found = run_asgi(module.app, Request("GET", "/connectors/con_1"))
    unknown = run_asgi(module.app, Request("GET", "/nowhere"))

    assert (found.status, found.error["code"], found.error["details"]) == (
        404,
        "not_found",
        {"id": "con_1"},
    )
    assert found.error["trace_id"] == found.one("x-request-id")
    assert (unknown.status, unknown.error["code"]) == (404, "not_found")
