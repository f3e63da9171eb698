"""An adapter whose framework is missing or too old names the extra and the version to install."""

import subprocess
import sys

import pytest

from errorshape.core.versions import is_older

#: The module of the framework, its distribution, and the floor.
ADAPTERS = {
    "flask": ("flask", "flask", "Flask 3.1"),
    "django": ("django", "django", "Django 5.2"),
    "drf": ("rest_framework", "djangorestframework", "Django REST Framework 3.16"),
    "ninja": ("ninja", "django-ninja", "Django Ninja 1.5"),
    "starlette": ("starlette", "starlette", "Starlette 1.0"),
    "fastapi": ("fastapi", "fastapi", "FastAPI 0.133"),
    "litestar": ("litestar", "litestar", "Litestar 2.20"),
    "quart": ("quart", "quart", "Quart 0.20"),
}
#: What an adapter stands on besides its own framework: with it missing, the extra is still the same.
BELOW = {"drf": "django", "ninja": "django", "fastapi": "starlette"}

#: Settings, which some of these read when they are imported; and versions that are not there.
SET_UP = "from django.conf import settings; settings.configure()"
WITHOUT = """
import sys
for name in [*sys.modules]:
    if name.partition(".")[0] == {below!r}:
        del sys.modules[name]
sys.modules[{below!r}] = None
"""
PRETEND = """
import importlib.metadata as metadata, sys, {module} as module
real = metadata.version
metadata.version = lambda name: "0.1.2rc1" if name == {distribution!r} else real(name)
module.__version__ = "0.1.2rc1"
module.VERSION = (0, 1, 2, "rc", 1) if {module!r} == "django" else "0.1.2rc1"
if {module!r} == "flask":
    module.Flask.default_config = {{"SECRET_KEY": None}}
"""


def failure_of(adapter, code):
    """Run code in a fresh interpreter and import the adapter; return what its ImportError says."""
    program = f"{SET_UP}\n{code}\nimport errorshape.{adapter}"
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False
    )
    assert out.returncode == 1, out.stdout
    failure = out.stderr.splitlines()[-1]
    assert failure.startswith("ImportError: "), out.stderr
    return failure


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_missing_framework(adapter):
    """The message names the extra and the version."""
    module, _, version = ADAPTERS[adapter]

    message = failure_of(adapter, f"import sys; sys.modules[{module!r}] = None")

    assert f"errorshape.{adapter} needs {version} or newer" in message
    assert f"pip install 'errorshape[{adapter}]'" in message


@pytest.mark.parametrize("adapter", BELOW)
def test_a_missing_framework_below(adapter):
    """So does that of an adapter whose framework stands on another one."""
    message = failure_of(adapter, WITHOUT.format(below=BELOW[adapter]))

    assert f"pip install 'errorshape[{adapter}]'" in message


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_framework_that_is_too_old(adapter):
    """The message also names the version that is there."""
    module, distribution, version = ADAPTERS[adapter]

    message = failure_of(adapter, PRETEND.format(module=module, distribution=distribution))

    assert f"errorshape.{adapter} needs {version} or newer" in message
    assert f"pip install 'errorshape[{adapter}]'" in message
    assert "0.1.2" in message


@pytest.mark.parametrize(
    ("found", "is_old"),
    [
        ("3.1", False), ("3.1.0", False), ("3.10", False), ("4.0", False), ("3.2rc1", False),
        ("3.1rc1", False), ("3.0.9", True), ("2.9", True), ("3", True), ("2", True), ("4", False),
    ],
)  # fmt: skip
def test_versions(found, is_old):
    """Numbers are compared as numbers; what is about to be released counts as released."""
    assert is_older(found, (3, 1)) == is_old
