"""Flask's neighbours: webargs, flask-smorest and APIFlask, in either order."""

import apiflask
import flask
import flask_smorest
import marshmallow
import pydantic
import pytest
import webargs.flaskparser
from webargs import fields

import errorshape
from errorshape import ErrorLayer
from errorshape.flask import ErrorShape
from errorshape.testing import assert_error

SECRET = "hunter2-do-not-tell"
NOT_AN_INT = "Not a valid integer."
REQUIRED = "Missing data for required field."


class Item(marshmallow.Schema):
    name = fields.Str(required=True)


class Order(marshmallow.Schema):
    items = fields.List(fields.Nested(Item))
    labels = fields.Dict(values=fields.Int())


class Query(marshmallow.Schema):
    limit = fields.Int()


ORDERS = [
    ({"items": [{"name": "a"}, {}]}, {"items.1.name": REQUIRED}),
    ({"items": [{"name": 7}]}, {"items.0.name": "Not a valid string."}),
    ({"labels": {"a": SECRET}}, {"labels.a": NOT_AN_INT}),
    ({"odd": SECRET}, {"odd": "Unknown field."}),
    ([], {"$": "Invalid input type."}),
]


def add_routes(app):
    """Add what any Flask application may do."""

    @app.get("/crash")
    def crash():
        raise RuntimeError(SECRET)

    @app.get("/conflict")
    def conflict():
        raise errorshape.ConflictError("Twice")

    @app.get("/abort/<int:status>")
    def abort(status):
        flask.abort(status)

    return app


def assert_as_everywhere(client):
    """What has nothing to do with the extension has the shape, too."""
    assert_error(client.get("/nowhere"), "not_found", status=404)
    assert_error(client.get("/conflict"), "conflict", status=409)
    assert_error(client.get("/crash"), "internal_error", status=500)
    assert_error(client.get("/abort/413"), "content_too_large", status=413)
    response = client.delete("/conflict")
    assert_error(response, "method_not_allowed", status=405)
    assert {"GET", "HEAD"} <= set(response.headers["Allow"].split(", "))


# --- webargs --------------------------------------------------------------------------------------


def with_webargs():
    app = add_routes(flask.Flask(__name__))
    ErrorShape(app)

    @app.post("/orders")
    @webargs.flaskparser.use_args(Order)
    def create(order):
        return {}

    @app.get("/orders")
    @webargs.flaskparser.use_args(
        {"limit": fields.Int()}, location="query", error_status_code=418,
        error_headers={"X-Hint": "limit"},
    )  # fmt: skip
    def index(query):
        return {}

    @app.get("/explicit")
    def explicit():
        webargs.flaskparser.abort(422, messages={"json": {"a": ["No"]}})

    @app.get("/unavailable")
    def unavailable():
        webargs.flaskparser.abort(503, message=SECRET)

    return app.test_client()


@pytest.mark.parametrize(("body", "details"), ORDERS, ids=str)
def test_webargs_body(body, details):
    """400, the messages as details, without the location."""
    assert_error(
        with_webargs().post("/orders", json=body), "validation_error", status=400, details=details
    )


def test_webargs_query():
    """Whatever status it was told to give; its headers are kept."""
    response = with_webargs().get(f"/orders?limit={SECRET}")

    assert_error(response, "validation_error", status=400, details={"limit": NOT_AN_INT})
    assert response.headers["X-Hint"] == "limit"


def test_webargs_malformed_body():
    """The whole is not valid."""
    response = with_webargs().post("/orders", data="{", content_type="application/json")

    assert_error(response, "validation_error", status=400, details={"$": "Invalid JSON body."})


def test_an_explicit_abort_keeps_its_status():
    """Only what the parser refuses is 400."""
    client = with_webargs()

    response = client.get("/explicit")
    assert_error(response, "unprocessable_entity", status=422, details={"a": "No"})
    response = client.get("/unavailable")
    assert_error(response, "service_unavailable", status=503)
    assert SECRET not in response.text
    assert_as_everywhere(client)


# --- flask-smorest --------------------------------------------------------------------------------


def smorest(order="after", api_class=flask_smorest.Api, **options):
    """Return an application with flask-smorest initialised before errorshape or after it."""
    app = add_routes(flask.Flask(__name__))
    app.config.update(API_TITLE="x", API_VERSION="1", OPENAPI_VERSION="3.0.3")
    if order == "after":
        ErrorShape(app, **options)
    api = api_class(app)
    blueprint = flask_smorest.Blueprint("orders", __name__)

    @blueprint.route("/orders", methods=["POST"])
    @blueprint.arguments(Order)
    def create(order):
        return {}

    @blueprint.route("/orders")
    @blueprint.arguments(Query, location="query")
    def index(query):
        return {}

    @blueprint.route("/smorest")
    def fail():
        flask_smorest.abort(
            409, message="Twice", errors={"name": ["Taken"]}, headers={"X-Hint": "name"}
        )

    @blueprint.route("/etag")
    def etag():
        raise flask_smorest.exceptions.PreconditionRequired

    @blueprint.route("/unchanged")
    def unchanged():
        raise flask_smorest.exceptions.NotModified

    api.register_blueprint(blueprint)
    if order == "before":
        ErrorShape(app, **options)
    return app.test_client()


BOTH = pytest.mark.parametrize("order", ["before", "after"])


@BOTH
@pytest.mark.parametrize(("body", "details"), ORDERS, ids=str)
def test_smorest_body(order, body, details):
    """400, the messages as details, whichever was initialised first."""
    response = smorest(order).post("/orders", json=body)

    assert_error(response, "validation_error", status=400, details=details)


@BOTH
def test_smorest_errors(order):
    """Its abort keeps message, errors and headers; its exceptions their status."""
    client = smorest(order)

    response = client.get("/smorest")
    assert_error(response, "conflict", status=409, details={"name": "Taken"})
    assert response.get_json()["error"]["message"] == "Twice"
    assert response.headers["X-Hint"] == "name"
    assert_error(client.get(f"/orders?limit={SECRET}"), "validation_error", status=400)
    assert_error(client.get("/etag"), "precondition_required", status=428)
    assert client.get("/unchanged").status_code == 304
    assert_as_everywhere(client)


@BOTH
@pytest.mark.parametrize("option", [{"reshape": "none"}, {"include": ["/api/"]}], ids=str)
def test_smorest_answers_are_kept(order, option):
    """Where the options say so, with our header."""
    client = smorest(order, **option)

    response = client.get("/smorest")
    assert response.get_json() == {
        "code": 409,
        "status": "Conflict",
        "message": "Twice",
        "errors": {"name": ["Taken"]},
    }
    assert response.headers["X-Request-Id"]
    response = client.get("/crash")
    assert response.status_code == 500
    if "include" in option:
        assert response.get_json() == {"code": 500, "status": "Internal Server Error"}


@BOTH
def test_a_handler_of_the_applications_subclass(order):
    """Whoever wrote a handler of their own into flask-smorest's class meant it."""

    class Api(flask_smorest.Api):
        def handle_http_exception(self, error):
            return {"mine": True}, 418

    client = smorest(order, Api)

    assert client.get("/smorest").get_json() == {"mine": True}
    assert_error(client.get("/conflict"), "conflict")


# --- APIFlask -------------------------------------------------------------------------------------


class Model(pydantic.BaseModel):
    count: int
    tags: list[int | list[int]] = []


def apiflask_app(processor=None, **options):
    """Return an application of APIFlask's; ``processor`` is set before or after errorshape."""
    app = add_routes(apiflask.APIFlask(__name__))
    if processor == "before":
        app.error_processor(lambda error: ({"mine": error.status_code}, 418, {}))
    ErrorShape(app, **options)
    if processor == "after":
        app.error_processor(lambda error: ({"mine": error.status_code}, 418, {}))

    @app.post("/orders")
    @app.input(Order)
    def create(json_data):
        return {}

    @app.get("/orders")
    @app.input(Query, location="query")
    def index(query_data):
        return {}

    @app.get("/apiflask")
    def fail():
        apiflask.abort(409, "Twice", detail={"name": "Taken"}, headers={"X-Hint": "name"})

    @app.get("/apiflask/<int:status>")
    def fail_with(status):
        apiflask.abort(status, SECRET if status >= 500 else "No", detail=["a", "b"])

    @app.post("/model")
    @app.input(Model)
    def model(json_data):
        return {}

    return app.test_client()


@pytest.mark.parametrize(("body", "details"), ORDERS, ids=str)
def test_apiflask_body(body, details):
    """400, the messages as details."""
    response = apiflask_app().post("/orders", json=body)

    assert_error(response, "validation_error", status=400, details=details)


def test_apiflask_model():
    """A model of pydantic's has all its errors, without pydantic's own names."""
    response = apiflask_app().post("/model", json={"count": SECRET, "tags": [SECRET]})

    assert_error(response, "validation_error", status=400)
    assert response.get_json()["error"]["details"].keys() == {"count", "tags.0"}
    assert SECRET not in response.text


def test_apiflask_errors():
    """Its abort keeps message, detail and headers."""
    client = apiflask_app()

    response = client.get("/apiflask")
    assert_error(response, "conflict", status=409, details={"name": "Taken"})
    assert response.get_json()["error"]["message"] == "Twice"
    assert response.headers["X-Hint"] == "name"
    assert_error(client.get(f"/orders?limit={SECRET}"), "validation_error", status=400)
    response = client.get("/apiflask/410")
    assert_error(response, "gone", status=410, details={"$": '["a","b"]'})
    response = client.get("/apiflask/502")
    assert_error(response, "bad_gateway", status=502)
    assert SECRET not in response.text
    assert_as_everywhere(client)


def test_apiflask_answers_are_kept():
    """Where the options say so, with our header."""
    client = apiflask_app(reshape="none")

    assert client.get("/apiflask").get_json() == {"detail": {"name": "Taken"}, "message": "Twice"}
    response = client.get("/nowhere")
    assert response.get_json() == {"detail": {}, "message": "Not Found"}
    assert response.headers["X-Request-Id"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_applications_error_processor(when):
    """It comes before ours, whenever it was set."""
    client = apiflask_app(when)

    assert client.get("/apiflask").get_json() == {"mine": 409}
    assert client.get("/nowhere").get_json() == {"mine": 404}
    assert_error(client.get("/conflict"), "conflict")


def test_apiflask_raised_elsewhere():
    """In any framework it means the same; kept, it is as APIFlask has it."""
    exc = apiflask.HTTPError(404, "No", headers={"X-Hint": "a"})

    assert ErrorLayer().respond(exc).status == 404
    kept = ErrorLayer(reshape="none").respond(exc)
    assert kept.body == b'{"detail":{},"message":"No"}'
    assert ("X-Hint", "a") in kept.headers
