"""An adapter whose framework is missing or too old names the extra and the version to install."""

import subprocess
import sys

import pytest

ADAPTERS = {
    "starlette": ("starlette", "1.0"),
    "fastapi": ("fastapi", "0.133"),
    "litestar": ("litestar", "2.20"),
    "quart": ("quart", "0.20"),
}


def failure_of(code):
    """Run code in a fresh interpreter; return what its ImportError says."""
    program = f"try:\n    {code}\nexcept ImportError as exc:\n    print(exc)"
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return out.stdout.strip()


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_missing_framework(adapter):
    """The message names the extra and the version."""
    framework, version = ADAPTERS[adapter]

    message = failure_of(
        f"import sys; sys.modules[{framework!r}] = None; import errorshape.{adapter}"
    )

    assert f"pip install 'errorshape[{adapter}]'" in message
    assert f"{version} or newer" in message


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_framework_that_is_too_old(adapter):
    """The message also names the version that is there."""
    framework, version = ADAPTERS[adapter]
    pretend = (
        f"import importlib.metadata as m, {framework}; real = m.version; "
        f"m.version = lambda name: '0.1.2' if name == {framework!r} else real(name); "
        f"{framework}.__version__ = '0.1.2'; import errorshape.{adapter}"
    )

    message = failure_of(pretend)

    assert f"{version} or newer" in message
    assert "0.1.2" in message
