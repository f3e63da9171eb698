"""``import errorshape`` costs what ``import msgspec`` costs: the modules are counted, not the time."""

import subprocess
import sys

import pytest

_LIST = (
    "import sys; before = set(sys.modules); import {module}; print(*(set(sys.modules) - before))"
)


def imported_by(module):
    """Return what a fresh interpreter imports with ``module``."""
    command = [sys.executable, "-c", _LIST.format(module=module)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.fixture(scope="module")
def added():
    """What ``import errorshape`` imports that ``import msgspec`` does not."""
    return imported_by("errorshape") - imported_by("msgspec")


@pytest.mark.parametrize(
    "costly",
    "asgiref werkzeug flask django starlette pydantic logging asyncio http http.client"
    " dataclasses uuid email email.utils datetime json difflib traceback".split(),
)
def test_what_is_slow_to_import_is_imported_where_it_is_used(added, costly):
    """Each of these alone costs as much as all of the core."""
    assert costly not in added


def test_few_modules_are_added(added):
    """The core's own, and a handful of the standard library's that are small."""
    others = {module for module in added if module.partition(".")[0] != "errorshape"}

    assert len(added) - len(others) <= 25
    assert not any("." in module and not module.startswith("collections.") for module in others)
    assert len(others) <= 8, others
