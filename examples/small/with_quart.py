"""Quart: ``hypercorn with_quart:app`` from this directory."""

from quart import Quart

from errorshape import NotFoundError
from errorshape.quart import ErrorShape

app = Quart(__name__)
ErrorShape(app)


@app.get("/connectors/<number>")
async def show(number: str) -> str:
    raise NotFoundError(details={"id": number})
