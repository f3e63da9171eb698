"""``errorshape completion``: scripts that complete commands and options in a shell.

The scripts ask ``errorshape COMMAND --help`` for the options, so that they stay right when it is
upgraded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from shlex import quote

from .cli import COMMANDS, EXIT_CODES, OK, new_parser

DESCRIPTION = "Prints a script that completes the commands and options of errorshape.\n"

EPILOG = f"""\
examples:
  eval "$(errorshape completion bash)"                          in ~/.bashrc
  eval "$(errorshape completion zsh)"                           in ~/.zshrc
  errorshape completion fish > ~/.config/fish/completions/errorshape.fish

{EXIT_CODES}"""

_OPTIONS = "errorshape {} --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u"


def main(argv: Sequence[str]) -> int:
    """Print the script of a shell."""
    parser = new_parser("errorshape completion", DESCRIPTION, EPILOG)
    parser.add_argument("shell", choices=SHELLS)
    print(SHELLS[parser.parse_args(argv).shell](), end="")
    return OK


def bash() -> str:
    """Return the script for bash."""
    return f"""\
_errorshape() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}"
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{" ".join(COMMANDS)} --help --version" -- "$word"))
    elif [ "${{word:0:1}}" = - ]; then
        COMPREPLY=($(compgen -W "$({_OPTIONS.format('"${COMP_WORDS[1]}"')})" -- "$word"))
    else
        COMPREPLY=()
    fi
}}
complete -o default -F _errorshape errorshape
"""


def zsh() -> str:
    """Return the script for zsh."""
    commands = " ".join(quote(f"{name}:{it.summary}") for name, it in COMMANDS.items())
    return f"""\
#compdef errorshape
_errorshape() {{
    if (( CURRENT == 2 )); then
        local -a commands=({commands})
        _describe command commands
    elif [[ $words[CURRENT] == -* ]]; then
        local -a options=(${{(f)"$({_OPTIONS.format("$words[2]")})"}})
        compadd -- $options
    else
        _files
    fi
}}
compdef _errorshape errorshape
"""


def fish() -> str:
    """Return the script for fish."""
    lines = [
        "complete -c errorshape -n __fish_use_subcommand -f"
        f" -a {quote(name)} -d {quote(command.summary)}"
        for name, command in COMMANDS.items()
    ]
    options = _OPTIONS.format("(commandline -opc)[2]")
    lines.append(
        'complete -c errorshape -n \'not __fish_use_subcommand; and string match -q -- "-*"'
        f" (commandline -ct)' -f -a {quote(f'({options})').replace(chr(10), ' ')}"
    )
    return "\n".join(lines) + "\n"


SHELLS: dict[str, Callable[[], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
