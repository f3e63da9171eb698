"""Falcon: ``waitress-serve with_falcon:app`` from this directory."""

from typing import Any

import falcon

from errorshape import NotFoundError
from errorshape.wsgi import ErrorShapeMiddleware


class Connector:
    def on_get(self, req: falcon.Request, resp: falcon.Response, number: str) -> None:
        raise NotFoundError(details={"id": number})


def raise_on(req: Any, resp: Any, exc: Exception, params: Any) -> None:
    raise exc


api = falcon.App()
api.add_route("/connectors/{number}", Connector())
api.set_error_serializer(lambda req, resp, exc: None)
api.add_error_handler(Exception, raise_on)
app = ErrorShapeMiddleware(api)
