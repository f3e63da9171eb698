"""The shop on flask-smorest."""

from typing import Any

import marshmallow as ma
from flask import Flask
from flask_smorest import Api, Blueprint

from errorshape.contract.openapi.apispec import ErrorShapePlugin
from errorshape.flask import ErrorShape
from tests.openapi.shop import CATALOG, find, order


class Order(ma.Schema):
    """What is ordered."""

    name = ma.fields.String(required=True, validate=ma.validate.Length(min=1))
    amount = ma.fields.Integer(
        required=True, strict=True, validate=ma.validate.Range(min=1, max=2**31 - 1)
    )


class Item(ma.Schema):
    """What the shop sells."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)


app = served = Flask(__name__)
app.config.update(API_TITLE="shop", API_VERSION="1", OPENAPI_VERSION="3.1.0")
ErrorShape(app, catalog=CATALOG)
api = Api(app, spec_kwargs={"extra_plugins": [ErrorShapePlugin(CATALOG)]})
shop = Blueprint("shop", __name__)


@shop.get("/items/<int:item_id>")
@shop.response(200, Item)
@shop.alt_response(404, description="No such item.")
def get_item(item_id: int) -> dict[str, Any]:
    """Show an item."""
    return find(item_id)


@shop.post("/orders")
@shop.arguments(Order)
@shop.response(201, Item)
def post_order(wanted: dict[str, Any]) -> dict[str, Any]:
    """Order an item."""
    return order(**wanted)


api.register_blueprint(shop)
document = api.spec.to_dict
