"""What ``message_for`` may say, and which languages it is told."""

import json

import django
import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from errorshape import ConflictError, ErrorLayer
from errorshape.accept import languages
from errorshape.core.http import Request

django.setup()


def asking(accept_language):
    headers = {"Accept-Language": accept_language}
    return Request("GET", "/", lambda name: headers.get(name, ""))


def sent(message_for, error=None, accept_language="de"):
    layer = ErrorLayer(message_for=message_for)
    response = layer.respond(error or ConflictError("Own."), request=asking(accept_language))
    return json.loads(response.body)["error"], dict(response.headers)


@pytest.mark.parametrize(
    ("told", "message", "language"),
    [
        (None, "Own.", None),
        ("Konflikt.", "Konflikt.", None),
        (("Konflikt.", "de"), "Konflikt.", "de"),
        (("Konflikt.", "de-CH-1996"), "Konflikt.", "de-CH-1996"),
        (("Konflikt.", None), "Konflikt.", None),
        ("x" * 2_000, "x" * 999 + "…", None),
    ],
)
def test_a_text_or_a_text_and_its_language(told, message, language):
    """The language is known where it was said."""
    error, headers = sent(lambda error, languages: told)

    assert (error["code"], error["message"]) == ("conflict", message)
    assert headers.get("Content-Language") == language
    assert headers["Vary"] == "Accept-Language"


@pytest.mark.parametrize("language", ["de", "fr"])
def test_a_lazy_translation_will_do(language):
    """Its language is the active one, unless another is said."""
    words = gettext_lazy("Yes")
    with translation.override("de"):
        error, headers = sent(lambda error, languages: words)
        assert (error["message"], headers["Content-Language"]) == ("Ja", "de")
        _, headers = sent(lambda error, languages: (words, language))
        assert headers["Content-Language"] == language


@pytest.mark.parametrize(
    "told",
    ["", 5, b"Konflikt.", ["Konflikt."], ("Konflikt.",), ("Konflikt.", "de", 1), (None, "de"),
     ("Konflikt.", "de\r\nSet-Cookie: a=b"), ("Konflikt.", 7), ("", "de")],
    ids=repr,
)  # fmt: skip
def test_rubbish_is_logged_and_changes_nothing(told, caplog):
    """The response is the one that would have been sent without the option."""
    error, headers = sent(lambda error, languages: told)

    assert error["message"] == "Own."
    assert "Content-Language" not in headers
    assert "message_for failed for ConflictError" in caplog.text


def test_a_failure_is_logged_and_changes_nothing(caplog):
    """Nobody's 409 becomes a 500 for want of words."""

    def fail(error, languages):
        raise KeyError(error.code)

    error, _ = sent(fail)

    assert error["message"] == "Own."
    assert "KeyError: 'conflict'" in caplog.text


def test_a_lazy_message_is_asked_first():
    """``message_for`` is for what nobody has translated."""
    asked = []
    with translation.override("de"):
        error, _ = sent(lambda *args: asked.append(args), ConflictError(gettext_lazy("Yes")))

    assert (error["message"], asked) == ("Ja", [])


def test_an_empty_message_is_that_of_the_class():
    """The language is that of what is sent."""

    class LazyError(ConflictError):
        message = gettext_lazy("Yes")

    with translation.override("de"):
        response = ErrorLayer().respond(LazyError(""))

    assert json.loads(response.body)["error"]["message"] == "Ja"
    assert dict(response.headers)["Content-Language"] == "de"


def test_without_a_request_there_are_no_languages():
    """A script has no Accept-Language."""
    told = []
    layer = ErrorLayer(message_for=lambda error, languages: told.append(languages))
    layer.respond(ConflictError())

    assert told == [()]


def test_a_locale_that_is_no_tag_is_no_language(monkeypatch):
    """Whatever a framework calls its locale, the header holds a tag or is not there."""
    from errorshape.foreign import django_translation

    for locale, tag in (("ca_ES@valencia", "ca-ES"), ("C.UTF-8", None), ("de\r\nX: y", None)):
        monkeypatch.setattr(django_translation, "get_language", lambda locale=locale: locale)
        response = ErrorLayer().respond(ConflictError(gettext_lazy("Yes")))
        assert dict(response.headers).get("Content-Language") == tag


def test_a_language_that_cannot_be_told_is_unknown(monkeypatch, caplog):
    """The message goes out without it."""
    from errorshape.foreign import django_translation

    def fail():
        raise RuntimeError("Who knows.")

    monkeypatch.setattr(django_translation, "get_language", fail)
    response = ErrorLayer().respond(ConflictError(gettext_lazy("Yes")))

    assert json.loads(response.body)["error"]["message"] == "Yes"
    assert "Content-Language" not in dict(response.headers)
    assert "The language of a translation is not known" in caplog.text


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", ()),
        ("*", ()),
        ("de", ("de",)),
        ("de-AT, de;q=0.9, *;q=0.1", ("de-AT", "de")),
        ("en;q=0.3, fr;q=0.7, de", ("de", "fr", "en")),
        ("en;q=0.5, fr;q=0.5", ("en", "fr")),
        ("de;q=0, fr", ("fr",)),
        ("de, de;q=0.5", ("de",)),
        ("../../etc/passwd, de", ("de",)),
        ("x" * 9 + ", de_AT, de", ("de",)),
        ("de" + ", fr" * 2_000, ()),
    ],
)
def test_languages_are_in_the_order_of_preference(header, wanted):
    """RFC 9110 §12.5.4; what is no tag is nobody's language, and no name of a file either."""
    assert languages(header) == wanted


@given(st.text(st.characters(max_codepoint=255)) | st.text("de-AT*;q=0.15, "))
def test_no_accept_language_does_any_harm(header):
    """Whatever a client sends, there are tags, each once."""
    found = languages(header)

    assert len({*found}) == len(found)
    assert all(tag.replace("-", "").isalnum() and tag.isascii() for tag in found)
