"""What the contract's tests share: its tables, who is asked, and what every error looks like."""

import json
import logging
import re

import pytest

import errorshape
from tests.stacks import STACKS
from tests.stacks.script import SECRET

DOCUMENTED = {
    "validation_error": 400,
    "unauthorized": 401,
    "invalid_grant": 401,
    "forbidden": 403,
    "mfa_required": 403,
    "sso_required": 403,
    "not_found": 404,
    "conflict": 409,
    "rate_limited": 429,
    "internal_error": 500,
}
FURTHER = {
    "unprocessable_entity": 422,
    "payment_required": 402,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "request_timeout": 408,
    "gone": 410,
    "length_required": 411,
    "precondition_failed": 412,
    "content_too_large": 413,
    "uri_too_long": 414,
    "unsupported_media_type": 415,
    "range_not_satisfiable": 416,
    "expectation_failed": 417,
    "im_a_teapot": 418,
    "misdirected_request": 421,
    "locked": 423,
    "failed_dependency": 424,
    "too_early": 425,
    "upgrade_required": 426,
    "precondition_required": 428,
    "request_header_fields_too_large": 431,
    "unavailable_for_legal_reasons": 451,
    "not_implemented": 501,
    "bad_gateway": 502,
    "service_unavailable": 503,
    "gateway_timeout": 504,
    "http_version_not_supported": 505,
}
STATUS_OF = DOCUMENTED | FURTHER | {"quota_exceeded": 403}
# The first code of each status is the one that a bare status gets.
CODE_OF = {status: code for code, status in reversed((DOCUMENTED | FURTHER).items())}

#: A response header that every reply has and that says nothing about the error.
UNCOUNTED = {"date", "server", "via", "connection"}


# --- who is asked --------------------------------------------------------------------------------


class Target:
    """A stack and the way to it, as the parameter of a test."""

    def __init__(self, stack, server=None):
        self.stack = stack
        self.server = server

    def __str__(self):
        return f"{self.stack}@{self.server}" if self.server else str(self.stack)


TARGETS = [Target(stack) for stack in STACKS] + [
    Target(stack, server) for stack in STACKS for server in stack.servers
]


def on(condition):
    """Run a test on some of the stacks only: those of which the contract says something there."""
    chosen = [target for target in TARGETS if condition(target.stack)]
    assert chosen
    return pytest.mark.parametrize("client", chosen, ids=str, indirect=True)


def in_process(condition=lambda stack: True):
    """Run a test on stacks in process only: it looks at what no client can see, or ends servers."""
    chosen = [t for t in TARGETS if t.server is None and condition(t.stack)]
    assert chosen
    return pytest.mark.parametrize("client", chosen, ids=str, indirect=True)


#: What only a real connection shows.
on_servers = pytest.mark.parametrize(
    "client", [target for target in TARGETS if target.server], ids=str, indirect=True
)


# --- what every error looks like -----------------------------------------------------------------


def pairs_of(body):
    """Parse strictly (UTF-8, no NaN, no lone surrogate); objects are pairs in their order."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    parsed = json.loads(body.decode("utf-8"), object_pairs_hook=list, parse_constant=refuse)
    json.dumps(parsed, ensure_ascii=False).encode("utf-8")
    return parsed


def assert_error(reply, code, *, status=None, message=None, details=None):
    """Hold a reply against all that the contract says of every error; return its ``error``."""
    assert (reply.status, reply.complete, reply.failure) == (status or STATUS_OF[code], True, None)
    assert_shape(reply, code)
    error = reply.error
    assert error.get("details") == details
    if message is not None:
        assert error["message"] == message
    return error


def assert_shape(reply, code):
    """Hold body, headers and log records against each other."""
    assert reply.one("content-type") == "application/json"
    assert reply.one("content-length") == str(len(reply.body))
    assert reply.one("cache-control") == "no-store"
    assert len(reply.body) <= 16 * 1024

    ((top, pairs),) = pairs_of(reply.body)
    assert top == "error"
    keys = [key for key, _ in pairs]
    assert keys in (["code", "message", "trace_id"], ["code", "message", "trace_id", "details"])
    error = dict(pairs)
    assert error["code"] == code
    assert re.fullmatch("[a-z][a-z0-9_]*", error["code"])
    assert isinstance(error["message"], str)
    assert error["message"]
    assert error["trace_id"] == reply.one("x-request-id")
    if "details" in error:
        assert error["details"]
        assert all(isinstance(text, str) for pair in error["details"] for text in pair)
        names = [name for name, _ in error["details"]]
        assert len(set(names)) == len(names)

    assert_no_secret(reply)
    assert_records_carry_the_id(reply)


def assert_no_secret(reply):
    assert SECRET not in repr((reply.headers, reply.body))


def assert_records_carry_the_id(reply):
    """The server's lines included, but for those after WSGI's close() and about its own failure."""
    after = ("after close", "over", "the application failed")
    own = {reply.one("x-request-id"), "mine"}
    strays = [r for r in reply.log_records if r.trace_id not in own]
    assert not [r for r in strays if not (r.is_of_server and r.message in after)]


def own_errors(reply):
    """What was logged at ERROR and above, by anybody but the server."""
    return reply.logged(logging.ERROR)


def catalogue_message(status):
    return errorshape.STANDARD[CODE_OF[status]].message


def is_fresh(trace_id):
    """Whether it is a UUID in its canonical text form."""
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", trace_id) is not None


def assert_logged_once(reply):
    """One record over all loggers, at ERROR, with the traceback and the id."""
    (record,) = own_errors(reply)
    assert record.level == logging.ERROR
    assert record.trace_id == reply.one("x-request-id")
    assert "Traceback (most recent call last)" in record.traceback
    assert SECRET in record.traceback
    assert (
        sum(SECRET in r.message + r.traceback for r in reply.log_records if not r.is_of_server) == 1
    )


def assert_quiet(reply):
    for record in reply.log_records:
        if record.logger.startswith("django"):
            # Django's own words about it may stay: a WARNING, for a SuspiciousOperation an ERROR
            # of django.security, with a traceback where it has always had one.
            assert record.level <= logging.WARNING or record.logger.startswith("django.security")
        else:
            assert record.level <= logging.INFO
            assert not record.traceback


def refuse_in_turn(app, raised):
    """Have an after_request function of a Flask or Quart application raise these; return it."""
    left = list(raised)

    @app.after_request
    def refuse(response):
        if left:
            raise left.pop(0)
        return response

    return app
