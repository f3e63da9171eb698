"""What all five applications do: plain functions that know no framework and no status code.

A function takes the bytes of the request's body and returns what becomes the JSON of the answer,
or raises. The failures that only a framework can show (a page of HTML, a stream that breaks, a body
that it parses itself) are written in each application.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import msgspec

import errorshape

log = logging.getLogger("shop")


class Config(msgspec.Struct):
    """How to reach the service that a connector speaks to."""

    api_key: Annotated[str, msgspec.Meta(min_length=8)]


class Connector(msgspec.Struct):
    """What a client sends to create a connector."""

    name: str
    config: Config


class NewConnector(msgspec.Struct):
    """The body of ``POST /connectors``."""

    connector: Connector


def index(body: bytes) -> object:
    """Name what there is to try."""
    return {"try": [f"{route.method} {route.path}" for route in ROUTES]}


def create_connector(body: bytes) -> object:
    """Read the body as a connector: what is wrong with it is the client's to mend."""
    with errorshape.validating():
        new = msgspec.json.decode(body, type=NewConnector)
    return {"created": new.connector.name}


def read_profile(body: bytes) -> object:
    """Fail for want of a token."""
    raise errorshape.UnauthorizedError("The Authorization header is missing.")


def exchange_token(body: bytes) -> object:
    """Fail for a token that cannot be exchanged."""
    raise errorshape.InvalidGrantError("The subject token has expired.")


def delete_workspace(body: bytes) -> object:
    """Fail for want of a scope."""
    raise errorshape.ForbiddenError(details={"scope": "workspace:delete"})


def read_billing(body: bytes) -> object:
    """Fail until the user has enrolled in MFA."""
    raise errorshape.MFARequiredError()


def list_members(body: bytes) -> object:
    """Fail until the user comes by single sign-on."""
    raise errorshape.SSORequiredError()


def read_issue(body: bytes) -> object:
    """Fail for a resource that is not there."""
    raise errorshape.NotFoundError("Issue iss_01abc123 not found", details={"id": "iss_01abc123"})


def rename_workspace(body: bytes) -> object:
    """Fail for a name that is taken."""
    raise errorshape.ConflictError("The name acme is taken.", details={"name": "acme"})


def search(body: bytes) -> object:
    """Fail for too many requests."""
    raise errorshape.RateLimitedError(retry_after=30)


def sync(body: bytes) -> object:
    """Give up, and say so."""
    raise errorshape.InternalError("The synchronisation did not finish.")


def charge(body: bytes) -> object:
    """Crash as code does: with a text that no client may ever see."""
    log.info("Charging the card of workspace acme")
    raise RuntimeError(SECRET)


def fetch_page() -> str:
    """Fetch what another server has, which is a page of HTML that says that it failed."""
    log.warning("The upstream server answered with a page of HTML")
    return "<!doctype html><title>Bad gateway</title><h1>502 Bad Gateway</h1>"


#: What the crash says: for the log only.
SECRET = "cannot connect as billing:hunter2@db"


@dataclass(frozen=True)
class Route:
    """A path, the one method that it allows, and the function behind it."""

    method: str
    path: str
    answer: Callable[[bytes], object]


ROUTES = (
    Route("GET", "/", index),
    Route("POST", "/connectors", create_connector),
    Route("GET", "/profile", read_profile),
    Route("POST", "/oauth/token", exchange_token),
    Route("DELETE", "/workspace", delete_workspace),
    Route("GET", "/billing", read_billing),
    Route("GET", "/members", list_members),
    Route("GET", "/issues/iss_01abc123", read_issue),
    Route("PUT", "/workspace/name", rename_workspace),
    Route("GET", "/search", search),
    Route("POST", "/sync", sync),
    Route("POST", "/charge", charge),
)
