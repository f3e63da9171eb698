"""The shop on Litestar."""

from typing import Annotated, Any

import msgspec
from litestar import Litestar, get, params, post
from litestar.exceptions import NotFoundException
from litestar.openapi.config import OpenAPIConfig

from errorshape.asgi import ErrorShapeMiddleware
from errorshape.contract.openapi.litestar import ErrorShapeOpenAPI
from errorshape.litestar import ErrorShapePlugin
from tests.openapi.shop import CATALOG, find, order


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """What is ordered."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    amount: Annotated[int, msgspec.Meta(ge=1, lt=2**31)]


class Item(msgspec.Struct):
    """What the shop sells."""

    id: int
    name: str


# The markers that newer versions ask for, and older ones do not have.
Id = params.FromPath[int] if hasattr(params, "FromPath") else int
Body = params.JSONBody[Order] if hasattr(params, "JSONBody") else Order


@get("/items/{item_id:int}", raises=[NotFoundException], sync_to_thread=False)
def get_item(item_id: Id) -> Item:
    """Show an item."""
    return Item(**find(item_id))


@post("/orders", sync_to_thread=False)
def post_order(data: Body) -> Item:
    """Order an item."""
    return Item(**order(data.name, data.amount))


app = Litestar(
    [get_item, post_order],
    openapi_config=OpenAPIConfig(title="shop", version="1"),
    plugins=[ErrorShapePlugin(catalog=CATALOG), ErrorShapeOpenAPI(CATALOG)],
)
# The plugin puts the wrap in its place at start-up, which a test client need not run.
served = ErrorShapeMiddleware(app, catalog=CATALOG)


def document() -> dict[str, Any]:
    """Make the document as the application serves it."""
    from litestar.testing import TestClient

    with TestClient(app) as client:
        return client.get("/schema/openapi.json").json()
