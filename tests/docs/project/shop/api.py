"""The shop as a FastAPI application, with a document."""

from fastapi import FastAPI

import errorshape
from errorshape.contract.openapi import responses
from errorshape.contract.openapi.fastapi import document
from errorshape.fastapi import init_app
from shop.errors import CATALOG

app = FastAPI()
init_app(app, catalog=CATALOG)


@app.get("/items/{item_id}", responses=responses(errorshape.NotFoundError))
def show(item_id: int) -> dict[str, int]:
    """Show an item; there is none."""
    raise errorshape.NotFoundError(details={"id": str(item_id)})


document(app, CATALOG)
