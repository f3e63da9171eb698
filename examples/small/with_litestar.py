"""Litestar: ``uvicorn with_litestar:app`` from this directory."""

from litestar import Litestar, get

from errorshape import NotFoundError
from errorshape.litestar import ErrorShapePlugin


@get("/connectors/{number:int}")
async def show(number: int) -> None:
    raise NotFoundError(details={"id": str(number)})


app = Litestar([show], plugins=[ErrorShapePlugin()])
