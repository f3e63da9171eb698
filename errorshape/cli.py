"""The command line: find the command, import only its module, turn failures into sentences.

A command is a module with ``main(argv) -> int``, named in :data:`COMMANDS` and imported only when
it was chosen. It reads its arguments before it calls :func:`require` and imports what is not the
standard library, so that every ``--help`` works at once and with nothing installed. What a user
can mend ends as a :class:`CommandError`: one sentence and exit code 2, never a traceback.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from . import __version__

OK = 0
BROKEN = 1
UNUSABLE = 2
# What a shell reports for a process that the signal ended: 128 + SIGINT, 128 + SIGPIPE.
INTERRUPTED = 130
PIPE_CLOSED = 141

EXIT_CODES = """\
exit codes:
  0    everything that was checked holds
  1    something that was checked does not hold
  2    it could not run: wrong arguments, a missing package, a server that
       does not start
  130  stopped with Ctrl-C

environment:
  NO_COLOR=1 switches colours off
"""

EPILOG = f"""\
examples:
  errorshape codes                            the standard error codes
  errorshape check http://127.0.0.1:8000      does a service keep the contract?
  errorshape diff old.json shop.errors:CATALOG
  errorshape check --help                     more about one command
  python -m errorshape demo --serve           see it work, and leave it running

{EXIT_CODES}"""


class CommandError(Exception):
    """A command cannot go on, and the user can mend it; the text is one sentence for them."""


@dataclass(frozen=True)
class Command:
    """What a command does, in a few words, and the module that does it."""

    summary: str
    module: str


COMMANDS = {
    "check": Command(
        summary="probe a service, in any language: does it keep the contract?",
        module="errorshape.contract.probe.command",
    ),
    "codes": Command(
        summary="the reference of a catalogue: table, Markdown, HTML, JSON",
        module="errorshape.contract.codes",
    ),
    "completion": Command(
        summary="a script that completes all this in bash, zsh or fish",
        module="errorshape.completion",
    ),
    "demo": Command(
        summary="start five real servers, make each fail, check every answer",
        module="errorshape.demo.command",
    ),
    "diff": Command(
        summary="what a new catalogue breaks, and what to write in the CHANGELOG",
        module="errorshape.contract.diff",
    ),
    "gateway": Command(
        summary="a proxy's configuration: its own errors in the shape, one id",
        module="errorshape.contract.gateway.command",
    ),
    "openapi": Command(
        summary="OpenAPI components of a catalogue, or a document made complete",
        module="errorshape.contract.openapi.command",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` (default: the process's arguments) names.

    Returns the exit code; wrong arguments, ``--help`` and ``--version`` raise SystemExit, as
    argparse has it.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return UNUSABLE
    try:
        module = importlib.import_module(COMMANDS[arguments.command].module)
        exit_code: int = module.main(arguments.arguments)
        return exit_code
    except CommandError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone. What is still buffered must not fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as error:
        if arguments.traceback:
            raise
        return _fail(
            f"errorshape {arguments.command} failed, which is a defect "
            f"({type(error).__name__}: {error}). Run it as 'errorshape --traceback "
            f"{arguments.command}' to see where, and please report it."
        )


def new_parser(prog: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Return the parser of a command: its texts keep their lines, options are written out."""
    return argparse.ArgumentParser(
        prog=prog,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _parser() -> argparse.ArgumentParser:
    commands = "\n".join(f"  {name:12}{command.summary}" for name, command in COMMANDS.items())
    parser = new_parser(
        "errorshape",
        "One error shape and one trace id for every WSGI and ASGI application.\n\n"
        f"commands:\n{commands}",
        EPILOG,
    )
    parser.usage = "%(prog)s [--help] [--version] [--traceback] COMMAND ..."
    parser.add_argument(
        "--version",
        action="version",
        version=f"errorshape {__version__}",
        help="show the version and exit",
    )
    parser.add_argument(
        "--traceback", action="store_true", help="show where a defect of the command itself is"
    )
    parser.add_argument(
        "command", nargs="?", choices=COMMANDS, metavar="COMMAND", help="one of the above"
    )
    # The command reads its own arguments, --help among them, with a parser of its own.
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def require(command: str, extra: str, modules: Sequence[str]) -> None:
    """Raise CommandError, with the pip command that helps, unless all modules are installed."""
    missing = [module for module in modules if not _is_installed(module)]
    if missing:
        raise CommandError(
            f"The {command} needs {_listed(missing)}: pip install 'errorshape[{extra}]'"
        )


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # ValueError: there, but without a spec
        return False


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return UNUSABLE
