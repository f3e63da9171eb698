"""Bottle: ``waitress-serve with_bottle:app`` from this directory."""

import bottle

from errorshape import NotFoundError
from errorshape.wsgi import ErrorShapeMiddleware

api = bottle.Bottle(catchall=False)


def show(number: str) -> str:
    raise NotFoundError(details={"id": number})


api.route("/connectors/<number>", callback=show)
app = ErrorShapeMiddleware(api)
