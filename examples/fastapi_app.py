"""FastAPI, its errors in one shape: ``uvicorn fastapi_app:app`` from this directory."""

from fastapi import FastAPI

import errorshape
from errorshape.fastapi import init_app

app = FastAPI()
init_app(app)


@app.get("/connectors/{connector_id}")
def get_connector(connector_id: str, limit: int = 10) -> dict[str, str]:
    """Show one connector; there is none."""
    raise errorshape.NotFoundError(details={"id": connector_id})
