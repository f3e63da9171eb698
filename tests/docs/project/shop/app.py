"""The shop that the manual speaks of: a Flask application."""

from flask import Flask

import errorshape
from errorshape.flask import ErrorShape
from shop.errors import CATALOG


def create_app() -> Flask:
    """Make the application."""
    app = Flask(__name__)
    ErrorShape(app, catalog=CATALOG)

    @app.get("/items/<item_id>")
    def show(item_id: str) -> None:
        raise errorshape.NotFoundError(details={"id": item_id})

    return app


app = create_app()
