"""What holds for every test: absent frameworks, skips, and how long hypothesis looks."""

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import hypothesis
import pytest

from errorshape.trace.context import current

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.stacks.django_settings")

pytest.register_assert_rewrite("tests.contract", "tests.drivers", "tests.clients")

# `--hypothesis-profile=night` looks longer than anybody wants to wait for.
hypothesis.settings.register_profile("day", max_examples=50, deadline=None)
hypothesis.settings.register_profile("night", max_examples=20_000, deadline=None)
hypothesis.settings.load_profile("day")

# The one place where an absent framework is skipped: whole modules here, the stacks of
# tests/stacks, which name what they require, below. Where CI runs everything is there.
IN_CI = bool(os.environ.get("CI"))
FRAMEWORKS = tuple("django fastapi flask litestar ninja quart rest_framework starlette".split())
ABSENT = {name for name in FRAMEWORKS if find_spec(name) is None}
# What a module of tests imports, where that is not in its name.
IMPORTS = {
    "drf": "rest_framework",
    "flask_neighbours": "apiflask flask flask_smorest pydantic webargs",
    "examples_django": "ninja rest_framework",
    "installed_twice": "django fastapi flask litestar ninja quart rest_framework starlette",
    "success_cost": "django fastapi flask litestar ninja quart rest_framework starlette",
    "snippets": " ".join([*FRAMEWORKS, "sybil"]),
    "shops": "apiflask django fastapi flask_smorest litestar ninja rest_framework",
    "sweep_websocket_stacks": "quart",
    "secrets": "attrs cattrs django jsonschema marshmallow pydantic rest_framework",
}
VALIDATORS = ("attrs", "cattrs", "jsonschema", "litestar", "marshmallow", "pydantic")

collect_ignore_glob = (
    []
    if IN_CI
    else [
        f"*test_{name}*"
        for name in {*ABSENT, *VALIDATORS, *IMPORTS}
        if not all(map(find_spec, IMPORTS.get(name, name).split()))
    ]
)


@pytest.fixture(autouse=True)
def _skip_the_stacks_of_absent_frameworks(request: pytest.FixtureRequest) -> None:
    callspec = getattr(request.node, "callspec", None)
    for param in callspec.params.values() if callspec else ():
        stack = getattr(param, "stack", param)
        if (required := getattr(stack, "requires", None)) in ABSENT:
            pytest.skip(f"{required} is not installed")


@pytest.fixture(autouse=True)
def _outside_of_any_request() -> None:
    """Begin each test outside of a request: one before it may have left its response unclosed."""
    current.set(None)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Return the client of a stack, in process or on a real server; each is made once."""
    from tests.clients import each_made_once  # here, since asserts in it are rewritten

    with each_made_once(tmp_path_factory.mktemp) as client_of:
        yield client_of


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Where CI runs, a skipped test has failed."""
    return _without_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """Where CI runs, a module that skips itself has failed."""
    return _without_skip((yield))


def _without_skip(report):
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where CI runs, which counts as a failure: {report.longrepr}"
    return report
