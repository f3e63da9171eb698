"""The options of a layer: a mistake is an exception at start-up that tells how to mend it."""

import pytest

from errorshape import ConflictError, ErrorLayer, NotFoundError


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"inclde": ("/",)}, TypeError, "no option 'inclde': did you mean 'include'"),
        (
            {"catalog": [NotFoundError]},
            TypeError,
            r"pass a Catalog, like STANDARD.extend\(MyError\)",
        ),
        ({"include": "/api/"}, TypeError, r"write the prefixes as \('/api/',\)"),
        ({"include": 5}, TypeError, "include is 5"),
        ({"exclude": ("admin",)}, ValueError, "'admin': a path prefix starts with a slash"),
        ({"exclude": (b"/admin",)}, ValueError, "exclude has b'/admin'"),
        ({"trace_header": "X Id"}, ValueError, "'X Id': name a header"),
        ({"trace_header": None}, ValueError, "None: name a header"),
        ({"trust_inbound": "no"}, TypeError, "'no': it is either True or False"),
        ({"debug": 1}, TypeError, "debug is 1"),
        ({"reshape": "json"}, ValueError, "'json': it is 'text', 'all' or 'none'"),
        ({"generate": "uuid"}, TypeError, "'uuid': pass a function that returns an id"),
        ({"on_error": ["notify"]}, TypeError, r"pass callables of \(error, exception, trace_id\)"),
        ({"on_error": 5}, TypeError, "on_error is 5"),
        ({"retry_after": -1}, ValueError, "-1: it is a whole number of seconds, from 0"),
        ({"retry_after": 1.5}, ValueError, "1.5: it is"),
        ({"retry_after": True}, ValueError, "True: it is"),
        ({"problem_json": 1}, TypeError, "1: it is True, False, or the address"),
        ({"problem_json": ""}, ValueError, "'': the address of the reference page is absolute"),
        ({"problem_json": "/errors"}, ValueError, "'/errors': the address"),
        ({"problem_json": "https://a/b#c"}, ValueError, "has no fragment"),
        ({"problem_json": "https://a/b c"}, ValueError, "is absolute"),
        ({"problem_json": "https://a/%zz"}, ValueError, "is absolute"),
        ({"problem_json": "https://a/" + "b" * 1000}, ValueError, "is absolute"),
        ({"message_for": "German"}, TypeError, r"pass a function of \(error, languages\)"),
        ({"translate": [KeyError]}, TypeError, "pass {ExceptionClass: APIError}"),
        ({"translate": {"KeyError": NotFoundError}}, TypeError, "'KeyError': it is the class"),
        ({"translate": {SystemExit: NotFoundError}}, TypeError, "SystemExit'>: it is the class"),
        ({"translate": {KeyError: 404}}, TypeError, "404 for KeyError: pass an APIError class"),
        ({"translate": {KeyError: ValueError}}, TypeError, "for KeyError: pass an APIError class"),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused(options, error, says):
    """The message names the value, the rule and the remedy."""
    with pytest.raises(error, match=says):
        ErrorLayer(**options)


def test_one_hook_needs_no_tuple():
    """``on_error=notify`` says enough."""
    seen = []
    layer = ErrorLayer(on_error=lambda *args: seen.append(args))
    exc = ConflictError()

    layer.answer(exc, trace_id="abc")

    assert seen == [(exc, exc, "abc")]


def test_a_layer_and_options_exclude_each_other():
    """Which of the two counts, nobody could tell."""
    with pytest.raises(TypeError, match="not both: put include into the ErrorLayer"):
        ErrorLayer.of(ErrorLayer(), {"include": ("/",)})


def test_a_layer_is_a_layer():
    """A class, or a catalogue, in its place is a mistake."""
    with pytest.raises(TypeError, match=r"pass an errorshape\.ErrorLayer"):
        ErrorLayer.of(ErrorLayer, {})
