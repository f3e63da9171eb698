"""Shell completion, in the shells themselves where they are installed everywhere (bash)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from errorshape import cli
from errorshape.completion import SHELLS

ASK = """
eval "$(errorshape completion bash)"
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_errorshape
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        ("errorshape co", ["codes", "completion"]),
        ("errorshape codes --che", ["--check"]),
        ("errorshape check --max", ["--max-requests"]),
        ("errorshape codes errors", [""]),
    ],
)
def test_bash_completes(words, completions) -> None:
    """Commands, and the options of each; files are left to the shell."""
    scripts = Path(sys.executable).parent
    shown = subprocess.run(
        ["bash", "-c", ASK.format(words=words)],
        env={**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.splitlines() == completions, shown.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_knows_every_command(shell, capsys) -> None:
    """The list is that of the command line."""
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for name in cli.COMMANDS:
        assert name in script
    assert "--help" in script


def test_an_unknown_shell_is_a_wrong_use(capsys) -> None:
    """The ones that there are are named."""
    with pytest.raises(SystemExit) as exit_:
        cli.main(["completion", "cmd"])
    assert exit_.value.code == 2
    assert "bash" in capsys.readouterr().err


def test_every_help_works_at_once(capsys) -> None:
    """Each command's help fits 80 columns, has examples and the exit codes."""
    for name in cli.COMMANDS:
        with pytest.raises(SystemExit) as exit_:
            cli.main([name, "--help"])
        shown = capsys.readouterr().out
        assert exit_.value.code == 0
        assert "examples:" in shown
        assert "exit codes:" in shown
        assert [line for line in shown.splitlines() if len(line) > 80] == []


def test_no_help_needs_more_than_the_core() -> None:
    """What a command needs is imported when it runs."""
    program = (
        "import sys\n"
        "from errorshape import cli\n"
        "for name in cli.COMMANDS:\n"
        "    try: cli.main([name, '--help'])\n"
        "    except SystemExit: pass\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "print(tops & {'asyncio', 'django', 'flask', 'http', 'httpx', 'rich', 'ssl', 'yaml'})\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines()[-1] == "set()"
