"""Messages in the caller's language: lazy translations where they are active, and ``message_for``."""

import asyncio
import json

import flask
import flask_babel
import pytest
import werkzeug.exceptions
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from django.test import AsyncClient, Client
from django.utils import translation
from flask_babel import lazy_gettext

import errorshape
from errorshape.flask import ErrorShape
from tests.clients import InProcess, OverServer
from tests.contract import own_errors
from tests.stacks import LOCALIZED, STACKS, localized


def varies_by(reply):
    return [name.strip().lower() for name in ",".join(reply.all("vary")).split(",")]


# --- Django ---------------------------------------------------------------------------------------

#: Path → the message in English and in German, None for one that nobody has translated.
SITE = {
    "/message": ("No", "Nein"),
    "/async/message": ("No", "Nein"),
    "/class": ("Yes", "Ja"),
    "/async/class": ("Yes", "Ja"),
    "/crash": ("Enter a number.", "Bitte eine Zahl eingeben."),
    "/async/crash": ("Enter a number.", "Bitte eine Zahl eingeben."),
    "/a/path/that/is/not/there": ("Enter a valid value.", "Bitte einen gültigen Wert eingeben."),
    "/bare": ("Enter a valid value.", "Bitte einen gültigen Wert eingeben."),
    "/below": ("Yes", "Ja"),
    "/above": ("Yes", "Ja"),
    "/stream": ("Yes", "Ja"),
}


@pytest.fixture(scope="module", params=LOCALIZED, ids=str)
def site(request, tmp_path_factory):
    """The site on a real server with one thread, which serves one language after the other."""
    (server,) = request.param.servers
    log = tmp_path_factory.mktemp("logs") / f"{request.param}.log"
    client = OverServer.started(request.param, server, log)
    yield client
    client.stop()


@pytest.mark.parametrize("path", SITE)
def test_djangos_lazy_translations_are_in_the_language_of_the_request(site, path):
    """Each request its own, whatever the thread has served before; and the header says which."""
    for _ in range(2):
        for number, language in enumerate(("en", "de")):
            reply = site.get(path, {"Accept-Language": f"{language}, fr;q=0.5"})

            assert reply.error["message"] == SITE[path][number]
            assert reply.one("content-language") == language
            assert varies_by(reply).count("accept-language") == 1


def test_details_are_translated_too(site):
    """The values of the details are texts for people."""
    reply = site.get("/details", {"Accept-Language": "de"})

    assert (reply.error["message"], reply.error["details"]) == ("Plain.", {"answer": "Ja"})
    assert reply.one("content-language") == "de"


def test_the_code_is_never_translated(site):
    """Programs branch on it."""
    codes = {
        site.get("/class", {"Accept-Language": language}).error["code"] for language in ("en", "de")
    }

    assert codes == {"conflict"}


@pytest.mark.parametrize("path", ["/message", "/async/class", "/above", "/nowhere/at/all"])
def test_djangos_own_clients_see_the_same(path):
    """Without a server in between, sync and async."""
    headers = {"accept-language": "de"}
    with localized.settings():
        replies = [
            Client(raise_request_exception=False).get(path, headers=headers),
            asyncio.run(AsyncClient(raise_request_exception=False).get(path, headers=headers)),
        ]

    for reply in replies:
        assert reply["Content-Language"] == "de"
        assert reply.json()["error"]["message"] in {
            "Nein",
            "Ja",
            "Bitte einen gültigen Wert eingeben.",
        }


def test_what_is_active_before_the_request_is_not_touched():
    """A test of an application that switches a language on still finds it on afterwards."""
    with localized.settings(), translation.override("fr"):
        Client(raise_request_exception=False).get("/above", headers={"accept-language": "de"})

        assert translation.get_language() == "fr"


def test_without_locale_middleware_what_is_active_counts():
    """An application may have a way of its own to choose."""
    with localized.settings():
        from django.test.utils import override_settings

        middleware = [name for name in localized.MIDDLEWARE if "locale." not in name]
        with override_settings(MIDDLEWARE=middleware), translation.override("de"):
            reply = Client(raise_request_exception=False).get("/above")

    assert reply["Content-Language"] == "de"
    assert reply.json()["error"]["message"] == "Ja"


def test_with_translation_switched_off_there_is_no_language():
    """``deactivate_all()`` has the messages as they are in the source."""
    layer = errorshape.ErrorLayer()
    with translation.override(None):
        response = layer.respond(localized.LazyConflictError())

    assert json.loads(response.body)["error"]["message"] == "Yes"
    assert "Content-Language" not in dict(response.headers)


def test_the_title_of_a_problem_is_translated():
    """RFC 9457 §3.1.3: it does not change but for localization."""
    with localized.settings(problem_json="https://docs.example/errors"):
        headers = {"accept-language": "de", "accept": "application/problem+json"}
        problem = Client(raise_request_exception=False).get("/class", headers=headers).json()

    assert (problem["title"], problem["detail"], problem["code"]) == ("Ja", "Ja", "conflict")


# --- Flask-Babel ----------------------------------------------------------------------------------

GERMAN = {"No issue %(number)s": "Kein Ticket %(number)s", "Full.": "Voll.", "Yes": "Ja"}


class FullError(errorshape.APIError):
    """There is no room."""

    code = "full"
    status = 409
    message = lazy_gettext("Full.")


@pytest.fixture(scope="module")
def translations(tmp_path_factory):
    """A directory of translations, as ``pybabel compile`` makes it."""
    root = tmp_path_factory.mktemp("translations")
    catalog = Catalog("de_AT")
    for english, german in GERMAN.items():
        catalog.add(english, german)
    folder = root / "de_AT" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with open(folder / "messages.mo", "wb") as file:
        write_mo(file, catalog)
    return str(root)


def _select():
    if flask.request.path == "/odd-locale":
        raise RuntimeError("No locale.")
    return flask.request.accept_languages.best_match(["de_AT", "en"])


@pytest.fixture
def shop(translations):
    """A Flask application with Flask-Babel, and its test client."""
    app = flask.Flask(__name__)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = translations
    flask_babel.Babel(app, locale_selector=_select)
    ErrorShape(app, catalog=errorshape.STANDARD.extend(FullError))

    @app.get("/<kind>")
    def view(kind):
        match kind:
            case "message":
                raise errorshape.NotFoundError(lazy_gettext("No issue %(number)s", number=7))
            case "class":
                raise FullError
            case "details":
                raise errorshape.NotFoundError(details={"answer": lazy_gettext("Yes")})
            case "abort":
                flask.abort(404, lazy_gettext("Full."))
            case "stream":
                return flask.Response(_broken())
            case "crash":
                raise RuntimeError
        raise FullError(lazy_gettext("Full."))

    return app.test_client()


def _broken():
    raise FullError
    yield b""


@pytest.mark.parametrize(
    ("path", "english", "german"),
    [
        ("/message", "No issue 7", "Kein Ticket 7"),
        ("/class", "Full.", "Voll."),
        ("/abort", "Full.", "Voll."),
    ],
)
def test_flask_babels_lazy_translations_are_in_the_language_of_the_request(
    shop, path, english, german
):
    """In a message given to the constructor, that of a class, that of ``abort()``."""
    for accepted, language, message in (("de-AT", "de-AT", german), ("en", "en", english)):
        reply = shop.get(path, headers={"Accept-Language": accepted})

        assert reply.json["error"]["message"] == message
        assert reply.headers["Content-Language"] == language
        assert reply.headers["Vary"] == "Accept-Language"


def test_flask_babels_details_are_translated_too(shop):
    """The values of the details are texts for people."""
    reply = shop.get("/details", headers={"Accept-Language": "de-AT"})

    assert reply.json["error"]["details"] == {"answer": "Ja"}
    assert reply.headers["Content-Language"] == "de-AT"


def test_after_flasks_context_a_message_is_as_in_the_source(shop):
    """A stream runs when Babel does not know the request any more, and claims no language."""
    reply = shop.get("/stream", headers={"Accept-Language": "de-AT"})

    assert reply.json["error"]["message"] == "Full."
    assert "Content-Language" not in reply.headers


def test_a_translation_that_fails_costs_its_text_alone(shop, caplog):
    """The code stays; the message is the default one of the status."""
    reply = shop.get("/odd-locale")

    assert reply.json["error"]["code"] == "full"
    assert reply.json["error"]["message"] == errorshape.ConflictError.message
    assert "Content-Language" not in reply.headers
    assert "A translation for FullError failed" in caplog.text


def test_a_default_message_has_no_language(shop):
    """Nobody has said in which one it is."""
    reply = shop.get("/crash", headers={"Accept-Language": "de-AT"})

    assert reply.json["error"]["message"] == errorshape.InternalError.message
    assert not {"Content-Language", "Vary"} & set(reply.headers.keys())


# --- message_for, on every stack ------------------------------------------------------------------

MESSAGES = {
    "de": {"conflict": "Konflikt.", "not_found": "Nicht da.", "internal_error": "Kaputt."},
    "fr": {"conflict": "Conflit."},
}


def message_for(error, languages):
    """Look the code up in the caller's languages."""
    for language in languages:
        if message := MESSAGES.get(language, {}).get(error.code):
            return message, language
    return None


@pytest.fixture(scope="module", params=STACKS, ids=str)
def asked(request):
    """Every stack with the option."""
    return InProcess(request.param, request.param.build(message_for=message_for))


@pytest.mark.parametrize(
    ("path", "accept", "message", "language"),
    [
        ("/error/conflict", "fr;q=0.5, de", "Konflikt.", "de"),
        ("/error/conflict", "it, fr;q=0.9, de;q=0.2", "Conflit.", "fr"),
        ("/nowhere", "fr, de;q=0.1", "Nicht da.", "de"),
        ("/prebuilt/html/404", "de", "Nicht da.", "de"),
        ("/crash", "de", "Kaputt.", "de"),
        ("/stream/fails-early-known", "de", "Konflikt.", "de"),
    ],
)
def test_message_for_has_the_callers_languages(asked, path, accept, message, language):
    """Whoever makes the error, and the header says in which language its message is."""
    reply = asked.get(path, {"Accept-Language": accept})

    assert reply.error["message"] == message
    assert reply.one("content-language") == language
    assert varies_by(reply).count("accept-language") == 1


def test_where_message_for_has_nothing_the_message_stays(asked):
    """Another caller would have got another: it varies all the same."""
    reply = asked.get("/details", {"Accept-Language": "it"})

    assert reply.error["message"] == "Issue iss_01abc123 not found"
    assert not reply.all("content-language")
    assert varies_by(reply).count("accept-language") == 1


def test_a_crash_is_logged_once_all_the_same(asked):
    """Whatever language the caller reads."""
    assert len(own_errors(asked.get("/crash", {"Accept-Language": "de"}))) == 1


def test_starlettes_exceptions_may_have_lazy_messages():
    """A lazy translation is a message, no details, whoever's exception it is given to."""
    from starlette.exceptions import HTTPException

    with translation.override("de"):
        response = errorshape.ErrorLayer().respond(
            HTTPException(404, localized.LazyNotFoundError.message)
        )

    error = json.loads(response.body)["error"]
    assert (error["message"], "details" in error) == ("Bitte einen gültigen Wert eingeben.", False)


def test_werkzeugs_too():
    """The description of one is its message."""
    with translation.override("de"):
        response = errorshape.ErrorLayer().respond(
            werkzeug.exceptions.NotFound(localized.LazyNotFoundError.message)
        )

    assert json.loads(response.body)["error"]["message"] == "Bitte einen gültigen Wert eingeben."
