"""The routes of the connector service for the two applications that have no framework."""

import logging
import re
from collections.abc import Callable

import msgspec

import errorshape
from service import CreateRequest, Service, TokenRequest

log = logging.getLogger("connectors")
service = Service()

Answer = tuple[int, object]


def list_connectors(authorization: str | None, body: bytes) -> Answer:
    """List the connectors."""
    return 200, service.list()


def create_connector(authorization: str | None, body: bytes) -> Answer:
    """Create a connector."""
    person = service.authorize(authorization)
    with errorshape.validating():
        request = msgspec.json.decode(body, type=CreateRequest)
    connector = service.create(request.connector)
    log.info("%s created %s", person, connector.id)
    return 201, connector


def get_connector(authorization: str | None, body: bytes, connector_id: str) -> Answer:
    """Show one connector."""
    return 200, service.get(connector_id)


def sync_connector(authorization: str | None, body: bytes, connector_id: str) -> Answer:
    """Bring a connector up to date."""
    service.authorize(authorization)
    return 202, service.sync(connector_id)


def exchange_token(authorization: str | None, body: bytes) -> Answer:
    """Exchange a person's token for an access token."""
    with errorshape.validating():
        request = msgspec.json.decode(body, type=TokenRequest)
    return 200, service.exchange(authorization, request)


ROUTES: dict[str, dict[str, Callable[..., Answer]]] = {
    r"/connectors": {"GET": list_connectors, "POST": create_connector},
    r"/connectors/([^/]+)": {"GET": get_connector},
    r"/connectors/([^/]+)/sync": {"POST": sync_connector},
    r"/token": {"POST": exchange_token},
}


def handle(method: str, path: str, authorization: str | None, body: bytes) -> tuple[int, bytes]:
    """Return the status and the JSON body for one request."""
    for pattern, methods in ROUTES.items():
        if match := re.fullmatch(pattern, path):
            if method not in methods:
                raise errorshape.MethodNotAllowedError(headers={"Allow": ", ".join(methods)})
            status, value = methods[method](authorization, body, *match.groups())
            return status, msgspec.json.encode(value)
    raise errorshape.NotFoundError
