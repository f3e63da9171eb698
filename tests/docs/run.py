"""Run the snippets of one page as its reader would: ``python -m tests.docs.run docs/logging.md``.

A page is a process of its own: it configures logging, Django's settings, Sentry, and nobody else
is to know. Sybil finds the snippets and runs them from top to bottom, in one namespace, in a
directory that has the project of ``tests/docs/project``. What is set up out of the reader's sight
is in comments: ``<!--- invisible-code-block: python``.

``python``
    runs. A block that begins with a comment like ``# app.py`` is that file: it is written, and
    whatever comes next on the page has to run it.
``console``, ``sh``
    Every line (a prompt before it is taken away) runs in bash and must succeed, unless it says
    ``# exits with 1``. A command that starts a server is left running until the page ends, on a
    port of its own, and what is asked of it is led there. What installs is looked at, not run.
``json``
    is JSON; an error in it keeps the contract.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

from errorshape.contract.conformance import Answer, breaches
from errorshape.demo.servers import Server, start
from tests.docs import ROOT

#: Languages of fences that show something and have nothing to run.
SHOWN = frozenset("html http ini markdown nginx text toml yaml".split())
#: What the README gives a newcomer, word for word: .ci/run and the demo's tests run it.
INSTALLS = re.compile(r"^(python3 -m venv|\. \.venv|(\.venv/bin/)?(uv )?pip install)\b")
IN_PROCESS = re.compile(r"^(\w+=\S+ )*(errorshape|schemathesis) ")
SERVERS = re.compile(r"^(uvicorn|flask .* run|python \S+ runserver|gunicorn)\b")
VARYING = re.compile(r"(Date|Server|HTTP/1\.\d)\b")
PROJECT = Path(__file__).parent / "project"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


class Page:
    """The state of a page while its snippets run."""

    def __init__(self, path: Path, servers: contextlib.ExitStack) -> None:
        self.path = path
        self.servers = servers
        #: By the port that the page calls them by.
        self.running: dict[str, Server] = {}
        #: Files that the page has written and nothing has run yet.
        self.files: set[str] = set()
        self._run_python = PythonEvaluator()

    def python(self, example: Example) -> None:
        """Run a block, or write the file that it is."""
        if file := re.match(r"# (\S+\.py)\n", example.parsed):
            path = Path(file[1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(example.parsed, encoding="utf-8")
            self.files.add(path.stem)
            self._forget(path.stem)
            return
        self._has_run(example.parsed)
        self._run_python(example)

    def console(self, example: Example) -> None:
        """Run the commands of a block; where they have prompts, what is below one is its output."""
        shown = example.parsed.replace("\\\n", " ")
        if not shown.startswith("$ "):
            shown = "\n".join(f"$ {line}" for line in shown.splitlines())
        for line in re.split(r"^\$ ", shown, flags=re.MULTILINE)[1:]:
            first, _, output = line.partition("\n")
            command, _, comment = first.partition("  #")
            if command.strip() and not command.startswith("#"):
                expected = re.search(r"exits with (\d+)", comment)
                said = self._run(command.strip(), int(expected[1]) if expected else 0)
                missing = set(_lines(output)) - set(_lines(said))
                assert not missing, f"{command!r} does not say {missing}, but:\n{said}"

    def json(self, example: Example) -> None:
        """Parse a block; an error keeps the contract."""
        value = json.loads(example.parsed)
        if set(value) == {"error"}:
            # A page breaks lines for people; it keeps the order.
            body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
            headers = [("X-Request-Id", value["error"]["trace_id"]), ("Cache-Control", "no-store")]
            headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
            status = {"not_found": 404}.get(value["error"]["code"], 400)
            found = [breach.what for breach in breaches(Answer(status, headers, body))]
            assert not found, found

    def shown(self, example: Example) -> None:
        """Nothing runs."""

    def _run(self, command: str, expected: int) -> str:
        """Run one command and return what it says."""
        self._has_run(command)
        if INSTALLS.match(command):
            return _look_at(command)
        if SERVERS.match(command):
            return self.serve(command)
        # A snippet that speaks of the reader's machine must not change this one.
        assert "/etc/" not in command, f"{command!r}: let it write here, and say where it belongs"
        command = self._led(command)
        if IN_PROCESS.match(command) and not re.search("[|>$]", command):
            code, said = _in_this_process(command)
        else:
            bash = ["bash", "-euo", "pipefail", "-c", command]
            done = subprocess.run(bash, stdout=subprocess.PIPE, text=True, check=False)
            code, said = done.returncode, done.stdout
        assert code == expected, f"{command!r} exits with {code}, not with {expected}:\n{said}"
        return said

    def serve(self, command: str) -> str:
        """Start a server on a free port; lines that name the port it would have had are led there."""
        words = shlex.split(command)
        shown = re.search(r"\b(\d{4})\b", command)
        default = "5000" if words[0] == "flask" else "8000"
        if words[0] == "python":
            words += ["--noreload", "127.0.0.1:0"]
        elif words[0] == "gunicorn":
            words += ["--bind", "127.0.0.1:0"]
        else:
            words += ["--port", "0"]
        if (before := self.running.pop(name := shown[1] if shown else default, None)) is not None:
            before.stop()
        server = self.running[name] = start(words, name=words[0], ready_timeout=20)
        self.servers.callback(server.stop)
        return ""

    def log_of(self, port: int) -> str:
        """Return what the server has logged that the page calls by this port."""
        return self.running[str(port)].log_text()

    def _led(self, command: str) -> str:
        for shown, server in self.running.items():
            command = re.sub(rf"(127\.0\.0\.1|localhost):{shown}\b", rf"\1:{server.port}", command)
        return command

    def _has_run(self, text: str) -> None:
        self.files -= {stem for stem in self.files if re.search(rf"\b{re.escape(stem)}\b", text)}

    def _forget(self, stem: str) -> None:
        sys.modules.pop(stem, None)


def _in_this_process(command: str) -> tuple[int, str]:
    """Run a console script without the start of an interpreter, and the imports, that it costs."""
    words = shlex.split(command)
    while "=" in words[0]:
        name, _, os.environ[name] = words.pop(0).partition("=")
    (script,) = entry_points(group="console_scripts", name=words[0])
    arguments, sys.argv = sys.argv, words
    code = 0
    with contextlib.redirect_stdout(output := io.StringIO()):
        try:
            code = script.load()()
        except SystemExit as end:
            code = end.code
        finally:
            sys.argv = arguments
    return int(code or 0), output.getvalue()


def _lines(text: str) -> list[str]:
    """Return the lines of an output that are the same each time, ids aside."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line not in ("", "…") and not VARYING.match(line)]


def _look_at(command: str) -> str:
    """What is installed exists: every extra that a command names is one of the project's."""
    extras = set(re.findall(r"errorshape\[([\w,-]+)\]|-e '\.\[([\w,-]+)\]'", command))
    named = {extra for pair in extras for part in pair if part for extra in part.split(",")}
    assert named <= PYPROJECT["optional-dependencies"].keys(), named
    return ""


def run(path: Path) -> int:
    """Run the snippets of a page and return how many there were."""
    with contextlib.ExitStack() as stack:
        page = Page(path, stack)
        evaluators = {
            "python": page.python,
            "console": page.console,
            "sh": page.console,
            "json": page.json,
            **dict.fromkeys(SHOWN, page.shown),
        }
        parsers = [CodeBlockParser(language, evaluate) for language, evaluate in evaluators.items()]
        document = Sybil(parsers=parsers, path=str(path.parent), pattern="*").parse(path)
        document.namespace.update(page=page, __name__="__main__", __file__=str(path))
        count = 0
        for example in document.examples():
            try:
                example.evaluate()
            except BaseException:
                sys.stderr.write(f"{path}:{example.line}: this snippet failed\n")
                raise
            count += 1
        assert not page.files, f"These files of the page are run by nothing: {page.files}"
        known = {*evaluators}
        fences = set(re.findall(r"^ *```(\w[\w-]*)$", document.text, re.MULTILINE))
        assert fences <= known, f"What is to be done with {fences - known}?"
        return count


def main() -> None:
    """Run the page that the command line names, in a directory of its own."""
    path = (ROOT / sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as directory:
        shutil.copytree(PROJECT, directory, dirs_exist_ok=True)
        os.chdir(directory)
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        os.environ["PYTHONPATH"] = os.pathsep.join([directory, str(ROOT)])
        sys.path.insert(0, directory)
        try:
            sys.stdout.write(f"{run(path)} snippets\n")
        finally:
            os.chdir(ROOT)


if __name__ == "__main__":
    main()
