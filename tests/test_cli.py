"""The command line: help, dispatch, exit codes, and sentences in place of tracebacks."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

from errorshape import cli


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch):
    """Install a command ``probe`` that does what the test says."""

    def install(main) -> None:
        module = ModuleType("probe_command")
        module.main = main
        monkeypatch.setitem(sys.modules, "probe_command", module)
        monkeypatch.setitem(cli.COMMANDS, "probe", cli.Command("probe it", "probe_command"))

    return install


def raising(error: BaseException):
    """Make a command that fails."""

    def main(argv):
        raise error

    return main


def test_help_names_commands_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """What there is to know is on the first page."""
    with pytest.raises(SystemExit) as exit_:
        cli.main(["--help"])
    shown = capsys.readouterr().out
    assert exit_.value.code == 0
    assert "python -m errorshape demo --serve" in shown
    for line in ("  demo ", "  0    ", "  1    ", "  2    ", "  130  ", "NO_COLOR"):
        assert line in shown


def test_help_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """No line of the help is wrapped by a terminal of the usual width."""
    for argv in (["--help"], ["demo", "--help"]):
        with pytest.raises(SystemExit):
            cli.main(argv)
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """``--version`` says which."""
    with pytest.raises(SystemExit) as exit_:
        cli.main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out.startswith("errorshape ")


def test_no_command_is_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command the help goes to standard error."""
    assert cli.main([]) == 2
    assert "commands:" in capsys.readouterr().err


def test_unknown_command_names_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error is answered with what could have been meant."""
    with pytest.raises(SystemExit) as exit_:
        cli.main(["dmeo"])
    assert exit_.value.code == 2
    assert "demo" in capsys.readouterr().err


def test_unknown_option_of_a_command_is_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """A command's options are its own parser's."""
    with pytest.raises(SystemExit) as exit_:
        cli.main(["demo", "--srve"])
    assert exit_.value.code == 2
    assert "--srve" in capsys.readouterr().err


def test_a_command_gets_its_arguments_and_gives_the_exit_code(command) -> None:
    """Everything after the command's name belongs to the command."""
    seen = []

    def main(argv) -> int:
        seen.append(argv)
        return 1

    command(main)
    assert cli.main(["probe", "-x", "--help", "file"]) == 1
    assert seen == [["-x", "--help", "file"]]


def test_what_the_user_can_mend_is_one_sentence(command, capsys) -> None:
    """A CommandError is printed as it is."""
    command(raising(cli.CommandError("There is no such file.")))
    assert cli.main(["probe"]) == 2
    assert capsys.readouterr() == ("", "There is no such file.\n")


def test_a_defect_is_a_sentence_too(command, capsys) -> None:
    """No traceback, but what went wrong and how to see more."""
    command(raising(ZeroDivisionError("by nought")))
    assert cli.main(["probe"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "ZeroDivisionError: by nought" in err
    assert "errorshape --traceback probe" in err


def test_a_defect_can_be_looked_at(command) -> None:
    """``--traceback`` is for those who report it."""
    command(raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["--traceback", "probe"])


def test_ctrl_c_is_no_failure_to_speak_of(command, capsys) -> None:
    """The exit code is the one that shells give; nothing is printed."""
    command(raising(KeyboardInterrupt()))
    assert cli.main(["probe"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_has_gone_is_no_failure_to_speak_of() -> None:
    """``errorshape … | head`` ends quietly, with the exit code of SIGPIPE."""
    program = (
        "import sys, types\n"
        "from errorshape import cli\n"
        "probe = sys.modules['probe'] = types.ModuleType('probe')\n"
        "probe.main = lambda argv: [print(i, flush=True) for i in iter(int, 1)]\n"
        "cli.COMMANDS['probe'] = cli.Command('', 'probe')\n"
        "sys.exit(cli.main(['probe']))\n"
    )
    argv = [sys.executable, "-c", program]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (["absent_one"], "absent_one"),
        (["absent_one", "absent_two"], "absent_one and absent_two"),
        (["absent_one", "absent_two", "absent_three"], "absent_one, absent_two and absent_three"),
    ],
    ids=len,
)
def test_missing_packages_are_named_with_the_remedy(missing, named) -> None:
    """Only what is missing is named, and the extra that has it."""
    with pytest.raises(cli.CommandError) as error:
        cli.require("probe", "fancy", ["json", *missing])
    assert str(error.value) == f"The probe needs {named}: pip install 'errorshape[fancy]'"


@pytest.mark.parametrize("blocked", [None, ModuleType("specless")], ids=["None", "no spec"])
def test_a_package_that_cannot_be_imported_is_missing(blocked, monkeypatch) -> None:
    """What ``import`` would refuse counts as absent."""
    monkeypatch.setitem(sys.modules, "specless", blocked)
    with pytest.raises(cli.CommandError, match="needs specless"):
        cli.require("probe", "fancy", ["specless"])


def test_help_imports_nothing_that_a_command_needs() -> None:
    """The command line itself costs the standard library and the core."""
    program = (
        "import sys\n"
        "from errorshape import cli\n"
        "try: cli.main(['demo', '--help'])\n"
        "except SystemExit: pass\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "print(tops & {'django', 'flask', 'httpx', 'rich', 'uvicorn', 'waitress', 'werkzeug'})\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert shown.stdout.endswith("set()\n"), shown.stderr


def test_importing_the_main_module_runs_nothing() -> None:
    """Tools that import every module of a package can do so."""
    from errorshape import __main__

    assert __main__.main is cli.main
