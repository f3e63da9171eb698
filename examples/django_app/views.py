"""The views of the connector service: no `try`, no error response."""

import logging

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views import View

import errorshape
from service import CreateRequest, Service, TokenRequest

log = logging.getLogger(__name__)
service = Service()


class Connectors(View):
    """All connectors."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """List the connectors."""
        return answer(service.list())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Create a connector."""
        person = service.authorize(request.headers.get("Authorization"))
        with errorshape.validating():
            body = msgspec.json.decode(request.body, type=CreateRequest)
        connector = service.create(body.connector)
        log.info("%s created %s", person, connector.id)
        return answer(connector, 201)


class Connector(View):
    """One connector."""

    def get(self, request: HttpRequest, connector_id: str) -> HttpResponse:
        """Show it."""
        return answer(service.get(connector_id))


class Sync(View):
    """The synchronisation of one connector."""

    def post(self, request: HttpRequest, connector_id: str) -> HttpResponse:
        """Bring it up to date."""
        service.authorize(request.headers.get("Authorization"))
        return answer(service.sync(connector_id), 202)


class Token(View):
    """The exchange of a person's token for an access token."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Exchange it."""
        with errorshape.validating():
            body = msgspec.json.decode(request.body, type=TokenRequest)
        return answer(service.exchange(request.headers.get("Authorization"), body))


def answer(value: object, status: int = 200) -> HttpResponse:
    """Build a JSON response."""
    return HttpResponse(msgspec.json.encode(value), status=status, content_type="application/json")
