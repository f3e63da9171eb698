"""A site with tasks: of Django's own package or, before 6.0, of the one that it came from."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Any

import django
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django_tasks_db import DatabaseBackend

import errorshape
from errorshape.django.tasks import ARGUMENT, Traced

if django.VERSION >= (6,):
    from django.tasks import task
    from django.tasks.backends.immediate import ImmediateBackend
else:
    from django_tasks import task  # type: ignore[no-redef]
    from django_tasks.backends.immediate import ImmediateBackend  # type: ignore[no-redef]

log = logging.getLogger("tests.tasks")


class Database(Traced, DatabaseBackend):
    """What users write."""


class Immediate(Traced, ImmediateBackend):
    """What users write for their tests."""


@task
def whose() -> str | None:
    log.info("in whose")
    return errorshape.trace_id()


@task
async def awaits() -> dict[str, str]:
    log.info("in awaits")
    return errorshape.trace.outgoing_headers()


@task
def starts() -> None:
    log.info("in starts")
    whose.enqueue()


@task(takes_context=True)
def fails(context: Any, number: int) -> None:
    log.info("in fails, attempt %s", context.attempt)
    raise ZeroDivisionError(number)


@task(backend="plain")
def plain() -> str | None:
    return errorshape.trace_id()


TASKS = {"whose": whose, "awaits": awaits, "starts": starts, "plain": plain}


def view(request: HttpRequest, name: str, backend: str) -> JsonResponse:
    """Enqueue a task, and return what it has returned if it was run at once."""
    if name == "fails":
        result = fails.using(backend=backend).enqueue(1)
    else:
        result = TASKS[name].using(backend=backend).enqueue()
    ours = errorshape.trace_id()
    return JsonResponse({"returned": result._return_value, "kwargs": result.kwargs, "after": ours})


async def async_view(request: HttpRequest, name: str, backend: str) -> JsonResponse:
    """Do the same with ``aenqueue``."""
    result = await TASKS[name].using(backend=backend).aenqueue()
    ours = errorshape.trace_id()
    return JsonResponse({"returned": result._return_value, "kwargs": result.kwargs, "after": ours})


urlpatterns = [
    path("tasks/<name>/<backend>", view),
    path("async/<name>/<backend>", async_view),
]


def main() -> None:
    """Ask for the URLs that the arguments name; print what was answered."""
    from asgiref.sync import async_to_sync
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    client = Client()
    answers: dict[str, Any] = {}
    for number, url in enumerate(sys.argv[1:]):
        headers = {"X-Request-Id": f"order-{number}", "traceparent": os.environ["TESTS_PARENT"]}
        answers[url] = client.get(url, headers=headers).json()
    answers["outside"] = whose.using(backend="at once").enqueue()._return_value
    answers["called"] = [whose.call(), async_to_sync(awaits.acall)()["X-Request-Id"]]
    answers["left"] = errorshape.trace_id()
    whose.enqueue()
    arrived = {ARGUMENT: {"X-Request-Id": "order-a"}}
    answers["arrived"] = async_to_sync(awaits.acall)(**arrived)["X-Request-Id"]
    sys.stdout.write(json.dumps(answers))
