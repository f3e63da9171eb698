"""werkzeug's HTTP exceptions, which Flask raises and applications without a framework can."""

from werkzeug import exceptions
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.wrappers import Response

from tests.stacks.script import HOUR, SECRET

#: kind → (what is raised, status, the headers that it must keep)
NATIVE = {
    **{
        str(status): (lambda cls=cls: cls(), status, {})
        for status, cls in exceptions.default_exceptions.items()
    },
    "message": (lambda: exceptions.Conflict("The name acme is taken."), 409, {}),
    "challenge": (
        lambda: exceptions.Unauthorized(
            www_authenticate=WWWAuthenticate("basic", {"realm": "the shop"})
        ),
        401,
        {"WWW-Authenticate": 'Basic realm="the shop"'},
    ),
    "allow": (
        lambda: exceptions.MethodNotAllowed(valid_methods=["GET", "PUT"]),
        405,
        {"Allow": "GET, PUT"},
    ),
    "retry-zero": (lambda: exceptions.TooManyRequests(retry_after=0), 429, {"Retry-After": "0"}),
    "retry-date": (
        lambda: exceptions.TooManyRequests(retry_after=HOUR.moment),
        429,
        {"Retry-After": HOUR.http_date},
    ),
    "unavailable": (
        lambda: exceptions.ServiceUnavailable(retry_after=120),
        503,
        {"Retry-After": "120"},
    ),
    "range": (
        lambda: exceptions.RequestedRangeNotSatisfiable(length=1000),
        416,
        {"Content-Range": "bytes */1000"},
    ),
    "missing-key": (lambda: exceptions.BadRequestKeyError(SECRET), 400, {}),
    "response": (
        lambda: exceptions.Conflict(
            response=Response("<h1>broken</h1>", 409, {"X-Application": "kept"}, "text/html")
        ),
        409,
        {"X-Application": "kept"},
    ),
}


def message_of(kind):
    """The message that stays: werkzeug's for 4xx; None where the catalogue's is sent."""
    _, status, _ = NATIVE[kind]
    if status >= 500 or kind == "response":
        return None
    return (
        "The name acme is taken."
        if kind == "message"
        else exceptions.default_exceptions[status].description
    )
