"""The connector service on Flask.

From this directory: ``flask --app flask_app run``
"""

import logging

import msgspec
from flask import Flask, Response, request

import errorshape
from errors import CATALOG
from errorshape.flask import ErrorShape
from service import CreateRequest, Service, TokenRequest

app = Flask(__name__)
ErrorShape(app, catalog=CATALOG)

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(trace_id)s %(name)s: %(message)s")

service = Service()


@app.get("/connectors")
def list_connectors() -> Response:
    """List the connectors."""
    return answer(service.list())


@app.post("/connectors")
def create_connector() -> Response:
    """Create a connector."""
    person = service.authorize(request.headers.get("Authorization"))
    with errorshape.validating():
        body = msgspec.json.decode(request.get_data(), type=CreateRequest)
    connector = service.create(body.connector)
    app.logger.info("%s created %s", person, connector.id)
    return answer(connector, 201)


@app.get("/connectors/<connector_id>")
def get_connector(connector_id: str) -> Response:
    """Show one connector."""
    return answer(service.get(connector_id))


@app.post("/connectors/<connector_id>/sync")
def sync_connector(connector_id: str) -> Response:
    """Bring a connector up to date."""
    service.authorize(request.headers.get("Authorization"))
    return answer(service.sync(connector_id), 202)


@app.post("/token")
def exchange_token() -> Response:
    """Exchange a person's token for an access token."""
    with errorshape.validating():
        body = msgspec.json.decode(request.get_data(), type=TokenRequest)
    return answer(service.exchange(request.headers.get("Authorization"), body))


def answer(value: object, status: int = 200) -> Response:
    """Build a JSON response."""
    return Response(msgspec.json.encode(value), status, mimetype="application/json")
