"""Measure, write ``benchmarks/results.json``, and make the page of it."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from typing import Any

from . import gate, measures, page, validators

MEASURES: dict[str, Callable[[], Any]] = {
    "instructions": lambda: list(gate.measure()),
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
    "validators": validators.measure,
    "imports": measures.imports,
    "growth": measures.growth,
    "servers": measures.servers,
}


def main(names: list[str]) -> int:
    """Measure what is named, or everything; keep what was measured before of the rest."""
    unknown = set(names) - {*MEASURES, "page"}
    if unknown:
        print(f"There is no measure {unknown}: {', '.join(MEASURES)}, page, gate.", file=sys.stderr)
        return 2
    results = json.loads(page.RESULTS.read_text()) if page.RESULTS.exists() else {}
    for name in names or MEASURES:
        if name == "page":
            continue
        print(name, flush=True)
        results[name] = MEASURES[name]()
        results["python"] = f"{platform.python_implementation()} {platform.python_version()}"
        page.RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    page.write(results)
    return 0
