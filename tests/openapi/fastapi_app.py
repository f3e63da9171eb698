"""The shop on FastAPI."""

from typing import Annotated

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from errorshape.contract.openapi.fastapi import document as complete
from errorshape.fastapi import init_app
from tests.openapi.shop import CATALOG, FAILURES, find, order


class Order(BaseModel):
    """What is ordered."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1)]
    amount: Annotated[int, Field(ge=1, lt=2**31, strict=True)]


class Item(BaseModel):
    """What the shop sells."""

    id: int
    name: str


app = served = FastAPI(title="shop", version="1")
init_app(app, catalog=CATALOG)
complete(app, CATALOG)


@app.get("/items/{item_id}", responses=FAILURES)
def get_item(item_id: int) -> Item:
    """Show an item."""
    return Item(**find(item_id))


@app.post("/orders", status_code=201, responses={409: {"description": "Not that many."}})
def post_order(wanted: Order) -> Item:
    """Order an item."""
    return Item(**order(wanted.name, wanted.amount))


document = app.openapi
