"""Pyramid: ``waitress-serve with_pyramid:app`` from this directory."""

from typing import Any

from pyramid.config import Configurator

from errorshape import NotFoundError
from errorshape.wsgi import ErrorShapeMiddleware


def show(request: Any) -> None:
    raise NotFoundError(details=request.matchdict)


config = Configurator()
config.add_route("connector", "/connectors/{id}")
config.add_view(show, route_name="connector")
app = ErrorShapeMiddleware(config.make_wsgi_app())
