"""What is submitted to the validation of each framework's own: no answer and no log repeats it."""

import importlib

import django
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from tests.drivers import Request, run_asgi, run_wsgi
from tests.stacks.script import SECRET
from tests.test_contract import assert_shape

JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
FLASK, ASGI, DJANGO = ("apiflask", "smorest"), ("fastapi", "litestar"), ("drf", "ninja")


@pytest.fixture(scope="module", params=[*FLASK, *ASGI, *DJANGO])
def ask(request):
    """Ask a shop of tests.openapi, each of which validates in its framework's own way."""
    name = request.param
    shop = importlib.import_module(f"tests.openapi.{name}_app") if name not in DJANGO else None

    def ask(method, path, headers=(), body=b""):
        if name in DJANGO:
            django.setup()
            with override_settings(ROOT_URLCONF="tests.openapi.django_urls"):
                return run_wsgi(WSGIHandler(), Request(method, f"/{name}{path}", headers, body))
        asked = Request(method, path, headers, body)
        return run_asgi(shop.served, asked) if name in ASGI else run_wsgi(shop.served, asked)

    ask.name = name
    return ask


ORDERS = {
    "a value of another type": f'{{"name":"nail","amount":"{SECRET}"}}',
    "a list": f'{{"name":["{SECRET}"],"amount":1}}',
    "an object": f'{{"name":{{"a":"{SECRET}"}},"amount":1}}',
    "the whole body": f'"{SECRET}"',
    "a list as the body": f'["{SECRET}"]',
    "beside what is wrong": f'{{"name":"{SECRET}","amount":0}}',
    "malformed": f'{{"name":"{SECRET}',
    "no JSON": SECRET,
    "no UTF-8": f'{{"name":"{SECRET}\xff"}}',
    "a large number": f'{{"name":"{SECRET}","amount":{10**400}}}',
}


@pytest.mark.parametrize("body", ORDERS.values(), ids=ORDERS)
def test_no_submitted_value_is_repeated(ask, body):
    """Neither in the answer nor in what is logged of it."""
    reply = ask("POST", "/orders", (JSON,), body.encode("latin-1"))

    assert_shape(reply, "validation_error")
    assert_no_secret(reply)


@pytest.mark.parametrize(
    "headers",
    [
        (FORM,),
        (("Content-Type", f"text/{SECRET}"),),
        (("Content-Type", f'application/json; charset="{SECRET}"'),),
        (JSON, ("Content-Encoding", SECRET)),
        (JSON, ("Accept", f"text/{SECRET}")),
        (JSON, ("Cookie", f"a={SECRET}"), ("Authorization", f"Bearer {SECRET}")),
    ],
    ids="form type charset encoding accept credentials".split(),
)
def test_no_header_is_repeated(ask, headers):
    """Whatever a framework makes of it."""
    reply = ask("POST", "/orders", headers, f"name={SECRET}&amount={SECRET}".encode())

    assert 400 <= reply.status < 500
    if ask.name == "drf" and reply.error["code"] == "unsupported_media_type":
        # CONTRACT §5: DRF's own message of a 4xx stays, and it names the media type.
        assert reply.error["message"].startswith("Unsupported media type")
        return
    assert_shape(reply, reply.error["code"])
    assert_no_secret(reply)


@pytest.mark.parametrize("path", [f"/items/{SECRET}", f"/items/7?token={SECRET}", f"/{SECRET}"])
def test_no_path_is_repeated(ask, path):
    """Nor what is in the query. The path is on record, once it is an error: it is no secret."""
    reply = ask("GET", path)

    assert 400 <= reply.status < 500
    assert SECRET not in repr((reply.headers, reply.body))


def assert_no_secret(reply):
    assert SECRET not in repr((reply.status, reply.headers, reply.body))
    for record in reply.log_records:
        assert SECRET not in record.message
        assert SECRET not in record.traceback
