"""The shop on Flask and msgspec, its document written with apispec."""

from typing import Annotated, Any

import msgspec
from apispec import APISpec
from flask import Flask, Response, request

import errorshape
from errorshape.contract.openapi.apispec import ErrorShapePlugin
from errorshape.flask import ErrorShape
from tests.openapi.shop import CATALOG, FAILURES, find, order


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """What is ordered."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    amount: Annotated[int, msgspec.Meta(ge=1, lt=2**31)]


class Item(msgspec.Struct):
    """What the shop sells."""

    id: int
    name: str


app = served = Flask(__name__)
ErrorShape(app, catalog=CATALOG)


@app.get("/items/<int:item_id>")
def get_item(item_id: int) -> Response:
    """Show an item."""
    return Response(msgspec.json.encode(find(item_id)), mimetype="application/json")


@app.post("/orders")
def post_order() -> Response:
    """Order an item."""
    with errorshape.validating():
        wanted = msgspec.json.decode(request.get_data(), type=Order)
    made = order(wanted.name, wanted.amount)
    return Response(msgspec.json.encode(made), 201, mimetype="application/json")


spec = APISpec("shop", "1", "3.1.0", plugins=[ErrorShapePlugin(CATALOG)])
_, _schemas = msgspec.json.schema_components(
    [Order, Item], ref_template="#/components/schemas/{name}"
)
for _name, _schema in _schemas.items():
    spec.components.schema(_name, _schema)


def _body(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


spec.path(
    "/items/{item_id}",
    operations={
        "get": {
            "parameters": [
                {
                    "name": "item_id",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "integer", "minimum": 0},
                }
            ],
            "responses": {"200": {"description": "It.", "content": _body("Item")}, **FAILURES},
        }
    },
)
spec.path(
    "/orders",
    operations={
        "post": {
            "requestBody": {"required": True, "content": _body("Order")},
            "responses": {
                "201": {"description": "Ordered.", "content": _body("Item")},
                "409": {"description": "Not that many."},
            },
        }
    },
)
document = spec.to_dict
