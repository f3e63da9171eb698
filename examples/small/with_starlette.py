"""Starlette: ``uvicorn with_starlette:app`` from this directory."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from errorshape import NotFoundError
from errorshape.starlette import init_app


async def show(request: Request) -> None:
    raise NotFoundError(details=request.path_params)


app = Starlette(routes=[Route("/connectors/{id}", show)])
init_app(app)
