"""Litestar, its errors in one shape: ``uvicorn litestar_app:app`` from this directory."""

from typing import Any

from litestar import Litestar, Request, get

import errorshape
from errorshape.litestar import ErrorShapePlugin


@get("/connectors/{connector_id:str}")
async def get_connector(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Show one connector; there is none."""
    raise errorshape.NotFoundError(details={"id": request.path_params["connector_id"]})


app = Litestar([get_connector], plugins=[ErrorShapePlugin()])
