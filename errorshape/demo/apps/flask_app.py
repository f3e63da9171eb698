"""The routes as a Flask application."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import Flask, Response, jsonify, request

from errorshape.flask import ErrorShape

from .routes import ROUTES, Route, fetch_page

app = Flask(__name__)
ErrorShape(app)


def view(route: Route) -> Callable[[], Response]:
    """Make a view of a route."""
    return lambda: jsonify(route.answer(request.get_data()))


for route in ROUTES:
    app.add_url_rule(route.path, route.path, view(route), methods=[route.method])


@app.post("/echo")
def echo() -> Response:
    """Let Flask parse the body."""
    return jsonify(request.get_json())


@app.get("/report")
def report() -> Response:
    """Stream a report whose first row cannot be had."""

    def rows() -> Iterator[str]:
        yield str(1 / 0)

    return Response(rows(), mimetype="text/csv")


@app.get("/upstream")
def upstream() -> tuple[str, int]:
    """Hand on a page of HTML that another server has made."""
    return fetch_page(), 502
