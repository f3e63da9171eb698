"""The examples of the frameworks on Django: a project in one file each."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"

# A process of its own: Django is configured once.
ASK = """
import json, sys
import {module}
import django
from django.test import Client
django.setup()
client = Client()
for method, path, body in json.loads(sys.argv[1]):
    reply = client.generic(method, path, json.dumps(body), "application/json")
    print(json.dumps([reply.status_code, reply.json(), reply.headers["X-Request-Id"]]))
"""

REQUESTS = [
    ("POST", "/orders", {"items": [{"name": "tea", "count": 1}]}),
    ("POST", "/orders", {"items": [{"name": "tea", "count": 1}, {"count": "x"}]}),
    ("GET", "/orders/7", None),
    ("GET", "/nowhere", None),
]


@pytest.mark.parametrize("module", ["drf_app", "ninja_app"])
def test_orders(module):
    """An order that is not valid names every mistake; the rest has the shape, too."""
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    asked = subprocess.run(
        [sys.executable, "-c", ASK.format(module=module), json.dumps(REQUESTS)],
        cwd=EXAMPLES, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    replies = [json.loads(line) for line in asked.stdout.splitlines()]

    (created, order, _), *errors = replies
    assert (created, order) == (201, REQUESTS[0][2])
    found = []
    for status, body, trace_id in errors:
        error = body["error"]
        assert error["trace_id"] == trace_id
        found.append((status, error["code"], sorted(error.get("details", {}))))
    assert found == [
        (400, "validation_error", ["items.1.count", "items.1.name"]),
        (404, "not_found", ["id"]),
        (404, "not_found", []),
    ]
