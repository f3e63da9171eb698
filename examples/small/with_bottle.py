"""Bottle: ``waitress-serve with_bottle:app`` from this directory."""

import bottle

from errorshape import NotFoundError
from errorshape.wsgi import ErrorShapeMiddleware

api = bottle.Bottle(catchall=False)


@api.route("/connectors/<number>")
def show(number: str) -> str:
    raise NotFoundError(details={"id": number})


app = ErrorShapeMiddleware(api)
