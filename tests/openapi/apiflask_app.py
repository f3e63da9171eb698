"""The shop on APIFlask."""

from typing import Any

from apiflask import APIFlask, Schema
from apiflask.fields import Integer, String
from apiflask.validators import Length, Range

from errorshape.contract.openapi.apiflask import document as complete
from errorshape.flask import ErrorShape
from tests.openapi.shop import CATALOG, find, order


class Order(Schema):
    """What is ordered."""

    name = String(required=True, validate=Length(min=1))
    amount = Integer(required=True, strict=True, validate=Range(min=1, max=2**31 - 1))


class Item(Schema):
    """What the shop sells."""

    id = Integer(required=True)
    name = String(required=True)


app = served = APIFlask(__name__, title="shop", version="1")
app.config["OPENAPI_VERSION"] = "3.1.0"
ErrorShape(app, catalog=CATALOG)
complete(app, CATALOG)


@app.get("/items/<int:item_id>")
@app.output(Item)
@app.doc(responses=[404])
def get_item(item_id: int) -> dict[str, Any]:
    """Show an item."""
    return find(item_id)


@app.post("/orders")
@app.input(Order)
@app.output(Item, status_code=201)
def post_order(json_data: dict[str, Any]) -> dict[str, Any]:
    """Order an item."""
    return order(**json_data)


def document() -> dict[str, Any]:
    """Make the document."""
    with app.app_context():
        return app.spec
