"""What the manual shows is what runs."""

import re
import subprocess
import sys

import pytest

from tests.docs import PAGES, ROOT, name_of

FENCE = re.compile(r"^ *```\w", re.MULTILINE)
IGNORED = (
    # setuptools' own, of Pyramid and of what Sentry looks for
    "pkg_resources is deprecated:UserWarning",
    # of schemathesis 4.3 with a click that is newer than it
    "'click.utils.LazyFile' is deprecated:DeprecationWarning",
    # of Starlette 1.0's test client with an anyio that is newer than it
    "The anyio.abc.BlockingPortal alias:DeprecationWarning",
)
WITH_SNIPPETS = [page for page in PAGES if FENCE.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", WITH_SNIPPETS, ids=name_of)
def test_every_snippet_runs(page):
    """From the top of the page to its end, in a fresh interpreter; warnings are errors."""
    warnings = [word for each in IGNORED for word in ("-W", f"ignore:{each}")]
    command = [sys.executable, "-W", "error", *warnings, "-m", "tests.docs.run", name_of(page)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
