"""The Flask extension: what is Flask's own. (The contract's cases are in test_contract.py.)"""

import flask
import pytest
from werkzeug.exceptions import BadRequestKeyError, HTTPException, NotFound

import errorshape
from errorshape.flask import ErrorShape
from tests.contract import refuse_in_turn


class StoreError(Exception):
    pass


def application(**options):
    app = flask.Flask(__name__)
    ErrorShape(app, **options)

    @app.get("/crash")
    def crash():
        raise RuntimeError("secret")

    @app.get("/missing")
    def missing():
        raise errorshape.NotFoundError("No issue")

    @app.get("/abort/<int:status>")
    def abort(status):
        flask.abort(status)

    @app.get("/store")
    def store():
        raise StoreError

    return app


def code(response):
    return response.get_json()["error"]["code"]


def test_init_app_comes_later():
    """The extension is made once, and knows several applications."""
    errors = ErrorShape(translate={StoreError: errorshape.ConflictError})
    apps = [flask.Flask("one"), flask.Flask("two")]
    for app in apps:
        errors.init_app(app)

    assert apps[0].extensions["errorshape"] is not apps[1].extensions["errorshape"]
    assert vars(errors).keys() == {"_layer", "_options"}
    for app in apps:
        assert code(app.test_client().get("/nowhere")) == "not_found"


def test_a_second_init_app_changes_nothing():
    """An application factory may be called by many."""
    app = application()
    layer, wrap = app.extensions["errorshape"], app.wsgi_app
    ErrorShape(app)

    assert (app.extensions["errorshape"], app.wsgi_app) == (layer, wrap)


def test_the_config_has_the_options():
    """As Flask users expect; what is given in code wins."""
    app = flask.Flask("configured")
    app.config.update(
        ERRORSHAPE_TRACE_HEADER="X-Trace",
        ERRORSHAPE_RETRY_AFTER=9,
        ERRORSHAPE_PROBLEM_JSON=True,
        ERRORSHAPE_CATALOG=errorshape.STANDARD,
    )
    ErrorShape(app, retry_after=3)

    @app.get("/")
    def limited():
        raise errorshape.RateLimitedError

    response = app.test_client().get("/")

    assert response.headers["Retry-After"] == "3"
    assert "X-Trace" in response.headers
    assert response.headers["Vary"] == "Accept"


def test_the_config_can_have_the_layer():
    """One layer for several services."""
    layer = errorshape.ErrorLayer()
    app = flask.Flask("configured")
    app.config["ERRORSHAPE_LAYER"] = layer
    ErrorShape(app)

    assert app.extensions["errorshape"] is layer


def test_a_wrong_config_key_is_refused():
    """At start-up."""
    app = flask.Flask("configured")
    app.config["ERRORSHAPE_INCLDE"] = ["/"]

    with pytest.raises(TypeError, match="no option 'inclde': did you mean 'include'"):
        ErrorShape(app)


def test_a_layer_and_options_are_refused():
    """Which of the two counts, nobody could tell."""
    with pytest.raises(TypeError, match="not both"):
        ErrorShape(flask.Flask("x"), errorshape.ErrorLayer(), retry_after=3)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("handled", [HTTPException, Exception, NotFound, 404])
def test_the_applications_own_handler_comes_first(handled, before):
    """In whichever order the two were registered, and however general it is."""
    app = flask.Flask("own")
    if not before:
        ErrorShape(app)

    @app.errorhandler(handled)
    def own(exc):
        return {"mine": True}, 418

    if before:
        ErrorShape(app)

    assert app.test_client().get("/nowhere").get_json() == {"mine": True}


def test_a_general_handler_of_the_application_gets_our_errors_too():
    """As it would get any other exception."""
    app = application()
    app.register_error_handler(Exception, lambda exc: ({"mine": type(exc).__name__}, 418))

    assert app.test_client().get("/missing").get_json() == {"mine": "NotFoundError"}


def test_a_handler_of_a_blueprint_comes_first():
    """It is nearer to the view."""
    app = application()
    blueprint = flask.Blueprint("b", __name__)
    blueprint.register_error_handler(errorshape.APIError, lambda exc: ({"mine": exc.code}, 418))

    @blueprint.get("/b")
    def fails():
        raise errorshape.GoneError

    app.register_blueprint(blueprint)

    assert app.test_client().get("/b").get_json() == {"mine": "gone"}
    assert code(app.test_client().get("/missing")) == "not_found"


def test_a_translated_http_exception_is_translated():
    """The application's translation comes before the framework's meaning."""
    app = application(
        translate={NotFound: errorshape.GoneError, StoreError: errorshape.ConflictError}
    )
    client = app.test_client()

    assert code(client.get("/nowhere")) == "gone"
    assert code(client.get("/store")) == "conflict"


@pytest.mark.parametrize("setting", ["TESTING", "PROPAGATE_EXCEPTIONS", "DEBUG"])
def test_a_crash_is_raised_where_flask_raises_it(setting):
    """For a test or a debugger; errors that are expected are answered all the same."""
    app = application()
    app.config[setting] = True
    client = app.test_client()

    with pytest.raises(RuntimeError, match="secret"):
        client.get("/crash")
    assert code(client.get("/missing")) == "not_found"


def test_a_trapped_http_exception_is_a_crash():
    """TRAP_HTTP_EXCEPTIONS is for finding out who aborts: it is raised for a debugger."""
    app = application()
    app.config.update(TRAP_HTTP_EXCEPTIONS=True, TESTING=True)

    with pytest.raises(NotFound):
        app.test_client().get("/abort/404")

    app.config["TESTING"] = False
    assert code(app.test_client().get("/abort/404")) == "not_found"


def test_a_missing_key_is_raised_in_debug():
    """As Flask has it, since the traceback says which key it is."""
    app = application()
    app.config["DEBUG"] = True
    app.add_url_rule("/key", view_func=lambda: flask.request.form["key"])

    with pytest.raises(BadRequestKeyError):
        app.test_client().get("/key")


def refusing(*raised, **options):
    """Return an application that is tested, whose after_request function raises these in turn."""
    app = application(**options)
    app.testing = True
    return refuse_in_turn(app, raised)


@pytest.mark.parametrize("times", [1, 2])
def test_what_after_request_refuses_is_no_failure(times):
    """Flask would signal it and raise it in a test, even where it refuses the refusal as well."""
    app = refusing(*[errorshape.ForbiddenError() for _ in range(times)])
    signalled = []

    with flask.got_request_exception.connected_to(lambda *_, **kw: signalled.append(kw), app):
        response = app.test_client().get("/missing")

    assert (response.status_code, code(response), signalled) == (403, "forbidden", [])


def test_a_crash_after_a_refusal_is_a_crash():
    """The after_request functions see the refusal, too."""
    app = refusing(errorshape.ForbiddenError(), RuntimeError("secret"))

    with pytest.raises(RuntimeError, match="secret"):
        app.test_client().get("/missing")


def test_an_http_exception_in_after_request_stays_flasks_outside_of_include():
    """There nothing of Flask's own is changed."""
    app = refusing(NotFound(), include=("/api/",))
    app.testing = False

    response = app.test_client().get("/abort/400")

    assert (response.status_code, response.mimetype) == (500, "text/html")


def test_a_site_keeps_its_pages():
    """Outside of `include` Flask's own pages stay, with the header."""
    client = application(include=("/api/",)).test_client()

    for path, status in (("/nowhere", 404), ("/crash", 500), ("/abort/503", 503)):
        response = client.get(path)
        assert (response.status_code, response.mimetype) == (status, "text/html")
        assert "X-Request-Id" in response.headers


def test_a_failure_while_handling_a_failure_is_answered():
    """An error handler of the application that crashes."""
    app = application()

    @app.errorhandler(errorshape.NotFoundError)
    def own(exc):
        raise RuntimeError("secret")

    response = app.test_client().get("/missing")

    assert (response.status_code, code(response)) == (500, "internal_error")
    assert b"secret" not in response.data
