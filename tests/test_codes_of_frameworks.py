"""``flask errors`` and ``manage.py errors``: the reference of the application's own catalogue."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
ENVIRONMENT = {name: os.environ[name] for name in os.environ if name != "DJANGO_SETTINGS_MODULE"}
COMMANDS = {
    "flask": ["flask", "--app", "flask_app", "errors"],
    "django": ["django_app.manage", "errors"],
}


@pytest.fixture(params=COMMANDS)
def errors(request):
    """Run the command on the example of each framework; exit code, output, complaints."""

    def run(*argv: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", *COMMANDS[request.param], *argv],
            cwd=EXAMPLES,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_applications_own_catalogue_is_shown(errors) -> None:
    """Its own code is there, without a name of a module being given."""
    exit_code, out, err = errors()
    assert (exit_code, err) == (0, "")
    assert "connector_limit" in out


def test_the_examples_page_is_checked(errors, tmp_path) -> None:
    """Up to date: 0. Stale: 1, with the command that mends it. Not there: 2."""
    assert errors("--check", "errors.md") == (0, "errors.md is up to date.\n", "")
    stale = tmp_path / "stale.md"
    stale.write_text("old")
    exit_code, out, err = errors("--check", str(stale))
    assert exit_code == 1
    assert "-old\n" in out
    assert f"errors --output {stale}'" in err
    exit_code, out, err = errors("--check", "nowhere.md")
    assert (exit_code, out) == (2, "")
    assert "There is no file nowhere.md: check the path.\n" in err


def test_help_has_the_options(errors) -> None:
    """As ``errorshape codes --help`` has."""
    exit_code, out, _ = errors("--help")
    assert exit_code == 0
    assert "--check FILE" in out
    assert "errors [-h]" in out


def test_a_command_of_the_applications_own_stays() -> None:
    """``flask errors`` may be taken."""
    import flask

    from errorshape.flask import ErrorShape

    app = flask.Flask(__name__)

    @app.cli.command("errors")
    def own() -> None:
        pass

    ErrorShape(app)
    assert app.cli.commands["errors"] is own
