"""Quart, its errors in one shape: ``hypercorn quart_app:app`` from this directory."""

from quart import Quart

import errorshape
from errorshape.quart import ErrorShape

app = Quart(__name__)
ErrorShape(app)


@app.get("/connectors/<connector_id>")
async def get_connector(connector_id: str) -> dict[str, str]:
    """Show one connector; there is none."""
    raise errorshape.NotFoundError(details={"id": connector_id})
