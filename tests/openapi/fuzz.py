"""Let schemathesis ask a shop all that its document allows, and much that it does not.

``python -m tests.openapi.fuzz NAME...``: ends with the failures of the first shop that has any.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.generation import GenerationMode

from errorshape.testing.schemathesis import contract_check, errorshape_contract

EXAMPLES = 25
#: Of schemathesis itself: what is answered is documented, status, type, body and headers.
DOCUMENTED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


def fuzz(name: str) -> int:
    """Run one shop; returns how many answers there were, raises the failures."""
    shop = importlib.import_module(f"tests.openapi.{name}_app")
    schema = schemathesis.openapi.from_dict(shop.document())
    schema.app = getattr(shop, "served", None) or _django()
    load_all_checks()
    own = contract_check(importlib.import_module("tests.openapi.shop").CATALOG)
    checks = [*CHECKS.get_by_names(DOCUMENTED), errorshape_contract, own]
    statuses: dict[int, int] = {}

    for mode in GenerationMode:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=schema.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            response = case.call_and_validate(checks=checks)
            statuses[response.status_code] = statuses.get(response.status_code, 0) + 1

        ask()
    # Not only one half of what can happen was seen.
    assert statuses.keys() >= {400, 404}, statuses
    return sum(statuses.values())


def _django() -> Any:
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def main(names: list[str]) -> None:
    """Run the shops that are named."""
    if os.environ.get("DJANGO_SETTINGS_MODULE"):
        import django

        django.setup()
    for name in names:
        print(f"{name}: {fuzz(name)} answers, all documented, all in the shape")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
