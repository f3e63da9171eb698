"""What is timed, a function for each table of the page; each returns ``{row: {column: number}}``."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

import errorshape
from errorshape.asgi import ErrorShapeMiddleware
from errorshape.core import body
from errorshape.core.layer import ErrorLayer

from . import data, drive
from .candidates import CANDIDATES
from .instructions import count, whole
from .timing import interleaved

Table = dict[str, dict[str, float]]

#: What is counted in machine instructions: the variants of each protocol or framework.
COUNTED = {
    "asgi": ("fresh", "inbound", "error"),
    "wsgi": ("fresh", "inbound", "error"),
    "flask": ("fresh", "inbound", "error"),
    "django": ("fresh", "inbound", "error"),
    "core": ("error",),
    "starlette": ("fresh", "error", "own"),
    "fastapi": ("fresh", "error", "own"),
    "drf": ("fresh", "error", "own"),
}
# Peers of an id have no answer to an error.
_ANSWER = ("bare", "minimum", "errorshape")


def counted(protocol: str) -> Table:
    """Count one run: ``{variant: {candidate: instructions}}``."""
    names = CANDIDATES[protocol]
    jobs = [
        (name, variant)
        for variant in COUNTED[protocol]
        for name in names
        if not (variant == "error" and "minimum" in names and name not in _ANSWER)
    ]
    table: Table = {}
    for (name, variant), instructions in count(protocol, jobs).items():
        table.setdefault(variant, {})[name] = round(instructions)
    return table


# Django can be set up once in a process, so each of its candidates has a process of its own.
_APART = ("django", "drf")
#: Requests in one turn of an event loop: its own start is shared by them.
_IN_A_LOOP = 4


def success(protocol: str) -> Table:
    """What a request that goes well costs: over the bare application, by candidate."""
    table: Table = {}
    for variant in ("fresh", "inbound"):
        for name, (minimum, median) in _times(protocol, variant).items():
            table.setdefault(name, {})[variant] = minimum
            table[name][f"{variant}, median"] = median
    return table


def error(framework: str) -> Table:
    """What an error costs in a framework, by candidate: its own exception, a 404 with a message."""
    times = _times(framework, "error")
    return {
        name: {"minimum": minimum, "median": median} for name, (minimum, median) in times.items()
    }


def _times(protocol: str, variant: str) -> dict[str, tuple[float, float]]:
    if protocol not in _APART:
        calls = {
            name: _silent(drive.driver(protocol, name, variant)) for name in CANDIDATES[protocol]
        }
        if protocol in ("starlette", "fastapi") and variant == "error":
            return _in_a_loop(protocol, variant)
        return {name: tuple(timing) for name, timing in interleaved(calls).items()}
    best: dict[str, tuple[float, float]] = {}
    for _ in range(5):  # processes in turn
        for name in CANDIDATES[protocol]:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.measures", protocol, name, variant],
                stdout=subprocess.PIPE,
                check=True,
            )
            pair = json.loads(done.stdout)
            best[name] = min(best.get(name, pair), pair)
    return best


def _in_a_loop(protocol: str, variant: str) -> dict[str, tuple[float, float]]:
    # Some peers call their handlers in a thread, for which there has to be an event loop.
    path = "/ok" if variant in ("fresh", "inbound") else f"/{variant}"
    with asyncio.Runner() as runner:

        def caller(app: Any) -> Callable[[], object]:
            async def some() -> None:
                for _ in range(_IN_A_LOOP):
                    await app(data.scope(False, path), drive.receive, drive.send)

            return lambda: runner.run(some())

        calls = {name: caller(make()) for name, make in CANDIDATES[protocol].items()}
        return {
            name: (timing.minimum / _IN_A_LOOP, timing.median / _IN_A_LOOP)
            for name, timing in interleaved(calls, rounds=150).items()
        }


def _silent(once: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        with suppress(Exception):
            once()

    return call


def core_error() -> Table:
    """From raise to bytes, against the bare building and encoding of the same by msgspec."""
    return _table({name: make() for name, make in CANDIDATES["core"].items()})


def unhandled() -> Table:
    """An exception that nobody expected: what logging takes of it."""
    app = _silent(drive.asgi(ErrorShapeMiddleware(data.asgi), path="/crash"))
    documented = _silent(drive.asgi(ErrorShapeMiddleware(data.asgi), path="/error"))
    logger = logging.getLogger("errorshape")
    null, formatting = logging.NullHandler(), logging.StreamHandler(open(os.devnull, "w"))  # noqa: SIM115

    def with_handler(
        handler: logging.Handler | None, serve: Callable[[], None] = app, level: int = 0
    ) -> Callable[[], None]:
        def call() -> None:
            logger.propagate, logger.disabled = False, handler is None
            logger.handlers = [handler] if handler else []
            if logger.level != level:
                logger.setLevel(level)
            serve()

        return call

    table = _table(
        {
            "not logged at all": with_handler(None),
            "null handler": with_handler(null),
            "formatting handler": with_handler(formatting),
        }
    )
    # Apart, since a change of level empties a cache that is none of a request's cost.
    for level in ("WARNING", "INFO"):
        call = with_handler(formatting, documented, logging.getLevelNamesMapping()[level])
        table |= _table({f"a documented 404, level {level}": call})
    logger.handlers, logger.propagate, logger.disabled = [], True, False
    logger.setLevel(logging.NOTSET)
    formatting.stream.close()
    return table


def serializers() -> Table:
    """The same body by others: two details."""
    import flask
    import orjson
    from starlette.responses import JSONResponse

    CANDIDATES["drf"]["bare"]()  # its renderer wants settings
    from rest_framework.renderers import JSONRenderer

    trace_id = errorshape.new_trace_id()
    inner = {"code": "not_found", "message": data.MESSAGE, "trace_id": trace_id}
    content = {"error": {**inner, "details": data.DETAILS}}
    encode, renderer, app = msgspec.json.Encoder().encode, JSONRenderer(), flask.Flask("benchmark")
    with app.app_context():
        return _table(
            {
                "msgspec, bare structs": lambda: encode(
                    body.Envelope(body.Error("not_found", data.MESSAGE, trace_id, data.DETAILS))
                ),
                "errorshape": lambda: body.encode(
                    "not_found", data.MESSAGE, trace_id, data.DETAILS
                ),
                "orjson": lambda: orjson.dumps(content),
                "json": lambda: json.dumps(content).encode(),
                "flask.jsonify": lambda: flask.jsonify(content),
                "Starlette's JSONResponse": lambda: JSONResponse(content, 404),
                "DRF's renderer": lambda: renderer.render(content),
            }
        )


# --- growth ---------------------------------------------------------------------------------------

Call = Callable[[], object]


def growth() -> dict[str, Table]:
    """Cost against size, for each thing that can grow: machine instructions, by candidate."""
    jobs = [
        (f"{what}, {who}", str(size))
        for what, (_, whose, sizes) in _GROWING.items()
        for who in whose
        for size in sizes
    ]
    tables: dict[str, Table] = {}
    for (job, size), instructions in count("growth", jobs).items():
        what, _, who = job.partition(", ")
        tables.setdefault(what, {}).setdefault(size, {})[who] = round(instructions)
    return tables


def growing(job: str, size: str) -> Call:
    """Return what serves one request of a job of :func:`growth`."""
    what, _, who = job.partition(", ")
    return _GROWING[what][0](int(size), who)


def _wrapped(app: Any, who: str) -> Any:
    wrap = {"bare": lambda app: app, "one call": passthrough, "a plain function": handed_on}
    return wrap.get(who, ErrorShapeMiddleware)(app)


def passthrough(app: Any) -> Any:
    """What one call a message costs: the bound of a chunk."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        async def passed(message: Any) -> None:
            await send(message)

        await app(scope, receive, passed)

    return wrapped


def handed_on(app: Any) -> Any:
    """The least look at each message, by what cannot see an OSError: a plain function."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        begun = False

        def looked(message: Any) -> Any:
            nonlocal begun
            if begun and message["type"] == "http.response.body" and message.get("more_body"):
                return send(message)
            begun = True
            return send(message)

        await app(scope, receive, looked)

    return wrapped


def _with_headers(n: int, who: str) -> Call:
    return drive.asgi(_wrapped(data.asgi, who), more=n - 8)


def _with_catalogue(n: int, who: str) -> Call:
    classes = [
        type(f"E{number}Error", (errorshape.APIError,), {"code": f"e_{number}", "status": 400})
        for number in range(n)
    ]
    layer = ErrorLayer(errorshape.Catalog(*classes), log_records=False)
    error = classes[-1]()
    return lambda: layer.respond(error, trace_id="mine")


def _with_details(n: int, who: str) -> Call:
    details = {f"field_{number}": "is not valid" for number in range(n)}
    return lambda: body.encode("validation_error", data.MESSAGE, "mine", details)


def _with_chunks(n: int, who: str) -> Call:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for left in range(n - 1, -1, -1):
            await send({"type": "http.response.body", "body": b"chunk", "more_body": left > 0})

    return drive.asgi(_wrapped(app, who))


def _nested(n: int, who: str) -> Call:
    app: Any = data.asgi
    for _ in range(n):
        app = ErrorShapeMiddleware(app)
    return drive.asgi(app)


def _concurrent(n: int, who: str) -> Call:
    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)
        await data.asgi(scope, receive, send)

    app, runner = _wrapped(waiting, who), asyncio.Runner()

    async def together() -> None:
        await asyncio.gather(*(app(data.scope(False), drive.receive, drive.send) for _ in range(n)))

    return lambda: runner.run(together())


_BOTH = ("errorshape", "bare")
_GROWING: dict[str, tuple[Callable[[int, str], Call], Sequence[str], Sequence[int]]] = {
    "request headers": (_with_headers, _BOTH, (8, 25, 50, 100)),
    "catalogue entries": (_with_catalogue, _BOTH[:1], (10, 100, 1_000, 10_000)),
    "details": (_with_details, _BOTH[:1], (0, 1, 10, 100, 1_000)),
    "body chunks": (_with_chunks, ("errorshape", "bare", "one call"), (1, 10, 100, 1_000, 10_000)),
    "nested wraps": (_nested, _BOTH[:1], (0, 1, 2, 4, 8)),
    "concurrent requests": (_concurrent, _BOTH, (1, 10, 100, 1_000, 10_000)),
}


# --- imports --------------------------------------------------------------------------------------

_IMPORT = """
import resource, time
start = time.process_time()
{module}
took = time.process_time() - start
with open("/proc/self/statm") as file:
    resident = int(file.read().split()[1]) * resource.getpagesize()
print(took * 1e3, resident / 2**20)
"""


# A Django site that serves has loaded its handlers, its middlewares and its URLs.
_SITE = """import django
from django.conf import settings
settings.configure(ROOT_URLCONF="benchmarks.urls", SECRET_KEY="benchmark", LOGGING_CONFIG=None)
django.setup()
from django.core.wsgi import get_wsgi_application
get_wsgi_application()
import django.urls, django.views.defaults, django.middleware.common"""

#: The rows of the table: what is imported by each.
_MODULES = {
    "nothing": "pass",
    "msgspec": "import msgspec",
    "errorshape": "import errorshape",
    **{
        framework + more: f"{first}\nimport {ours}" if ours else first
        for framework, first in (
            ("flask", "import flask"),
            ("django", _SITE),
            ("starlette", "import starlette.applications"),
            ("fastapi", "import fastapi"),
        )
        for more, ours in (
            ("", ""),
            (", msgspec", "msgspec"),
            (", errorshape", "errorshape"),
            (f", errorshape.{framework}", f"errorshape.{framework}"),
        )
    },
}


def imports(rounds: int = 5) -> Table:
    """Instructions of a fresh interpreter; its CPU milliseconds and MiB, the least of some, in turn."""
    table: Table = {}
    for _ in range(rounds):
        for row_name, module in _MODULES.items():
            done = subprocess.run(
                [sys.executable, "-c", _IMPORT.replace("{module}", module)],
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},  # it is compiled once
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            took, resident = map(float, done.stdout.split())
            row = table.setdefault(row_name, {"CPU ms": took, "MiB": resident})
            row["CPU ms"], row["MiB"] = min(row["CPU ms"], took), min(row["MiB"], resident)
    for row_name, module in _MODULES.items():
        table[row_name]["instructions"] = whole(module)
    return table


def _table(calls: dict[str, Callable[[], object]]) -> Table:
    return {name: timing._asdict() for name, timing in interleaved(calls).items()}


if __name__ == "__main__":
    chosen = _silent(drive.driver(*sys.argv[1:]))
    print(json.dumps(interleaved({"chosen": chosen})["chosen"]))
