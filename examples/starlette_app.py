"""Starlette, its errors in one shape: ``uvicorn starlette_app:app`` from this directory."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import errorshape
from errorshape.starlette import init_app


async def get_connector(request: Request) -> JSONResponse:
    """Show one connector; there is none."""
    raise errorshape.NotFoundError(details={"id": request.path_params["connector_id"]})


app = Starlette(routes=[Route("/connectors/{connector_id}", get_connector)])
init_app(app)
