"""The shop on Django Ninja."""

from typing import Annotated, Any

from ninja import NinjaAPI, Schema
from pydantic import ConfigDict, Field

from errorshape.contract.openapi.ninja import document as complete
from errorshape.ninja import init_app
from tests.openapi.shop import find, order


class Order(Schema):
    """What is ordered."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1)]
    amount: Annotated[int, Field(ge=1, lt=2**31, strict=True)]


class Item(Schema):
    """What the shop sells."""

    id: int
    name: str


api = NinjaAPI(title="shop", version="1")
init_app(api)
complete(api)


@api.get("/items/{item_id}", response={200: Item, 404: None})
def get_item(request: Any, item_id: int) -> Any:
    """Show an item."""
    return find(item_id)


@api.post("/orders", response={201: Item})
def post_order(request: Any, wanted: Order) -> Any:
    """Order an item."""
    return 201, order(wanted.name, wanted.amount)


def document() -> dict[str, Any]:
    """Make the document."""
    import json

    # As it is served: with the encoder that knows pydantic's types.
    return json.loads(json.dumps(api.get_openapi_schema()))
