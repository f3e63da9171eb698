"""Measure, write ``benchmarks/results.json``, and make the page of it."""

from __future__ import annotations

import datetime
import json
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from . import measures, page, pieces, servers, validators

RESULTS = Path(__file__).with_name("results.json")
#: A bound is to hold in each of so many.
RUNS = 3

#: What is counted, so often; the rest is timed, once.
COUNTS: dict[str, Callable[[], Any]] = {
    **{
        f"count {protocol}": lambda protocol=protocol: measures.counted(protocol)
        for protocol in measures.COUNTED
    },
    "validators": validators.counted,
    "growth": measures.growth,
    "imports": measures.imports,
}
MEASURES: dict[str, Callable[[], Any]] = {
    **COUNTS,
    "success asgi": lambda: measures.success("asgi"),
    "success wsgi": lambda: measures.success("wsgi"),
    "success flask": lambda: measures.success("flask"),
    "success django": lambda: measures.success("django"),
    "error core": measures.core_error,
    "error starlette": lambda: measures.error("starlette"),
    "error fastapi": lambda: measures.error("fastapi"),
    "error drf": lambda: measures.error("drf"),
    "unhandled": measures.unhandled,
    "serializers": measures.serializers,
    "servers": servers.measure,
    "pieces": pieces.measure,
}
_PACKAGES = """asgi-correlation-id django django-guid django-log-request-id djangorestframework
drf-standardized-errors fastapi fastapi-problem fastapi-problem-details flask flask-log-request-id
granian httptools msgspec opentelemetry-instrumentation-asgi orjson pydantic starlette
starlette-problem uvicorn""".split()


def main(names: list[str]) -> int:
    """Measure what is named, or everything; keep what was measured before of the rest."""
    unknown = set(names) - {*MEASURES, "page"}
    if unknown:
        print(f"There is no measure {unknown}: {', '.join(MEASURES)}, page, gate.", file=sys.stderr)
        return 2
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in names or MEASURES:
        if name == "page":
            continue
        print(f"## {name}", flush=True)
        # Each run is kept as it is, and none of an older one.
        measure = MEASURES[name]
        found = [measure() for _ in range(RUNS)] if name in COUNTS else measure()
        results[name] = found
        results["python"] = f"{platform.python_implementation()} {platform.python_version()}"
        results["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()
        results["versions"] = {package: version(package) for package in _PACKAGES}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        sys.stdout.writelines(f"{line}\n" for line in page.section(name, found))
    page.write(results)
    return 0
