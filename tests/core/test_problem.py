"""RFC 9457, rule by rule, and how a client asks for it (RFC 9110 §12.5.1)."""

import json
import re
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

import errorshape
from errorshape import APIError, ConflictError, ErrorLayer, NotFoundError
from errorshape.core.catalog import status_name
from errorshape.core.http import Request

PAGE = "https://docs.example/errors"
ID = "7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c"
PROBLEM, ENVELOPE = "application/problem+json", "application/json"


def asking(accept, name="Accept"):
    return Request("GET", "/", {name: accept}.__getitem__)


def sent(error, problem_json=True, trace_id=ID, **options):
    layer = ErrorLayer(problem_json=problem_json, **options)
    return layer.respond(error, trace_id=trace_id, request=asking(PROBLEM))


def members(*args, **options):
    response = sent(*args, **options)
    assert dict(response.headers)["Content-Type"] == PROBLEM
    return json.loads(response.body)


def form_for(accept, **options):
    layer = ErrorLayer(problem_json=True, **options)
    response = layer.respond(ConflictError(), trace_id=ID, request=asking(accept))
    return dict(response.headers)["Content-Type"]


# --- RFC 9457 §3 ----------------------------------------------------------------------------------


def test_exact_bytes():
    """Pinned once: the members in their order."""
    error = NotFoundError("No issue 7", details={"id": "7"})

    assert sent(error, PAGE).body == (
        b'{"type":"https://docs.example/errors#not_found","title":"Not found.","status":404,'
        b'"detail":"No issue 7","instance":"urn:uuid:7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c",'
        b'"code":"not_found","trace_id":"7f3a1b2c-4d5e-4f7a-8b9c-0d1e2f3a4b5c",'
        b'"details":{"id":"7"}}'
    )


def test_3_the_media_type():
    """§3: the canonical model is a JSON object, its media type ``application/problem+json``."""
    response = sent(ConflictError())

    assert dict(response.headers)["Content-Type"] == PROBLEM
    assert isinstance(json.loads(response.body), dict)


@pytest.mark.parametrize("error", errorshape.STANDARD, ids=lambda cls: cls.code)
@pytest.mark.parametrize("page", [True, PAGE], ids=str)
def test_3_1_members_have_their_types(error, page):
    """§3.1: a member of the wrong type would be ignored; none of them is."""
    problem = members(error(), page)

    assert {name: type(value) for name, value in problem.items()} == {
        "type": str, "title": str, "status": int, "detail": str, "instance": str,
        "code": str, "trace_id": str,
    }  # fmt: skip
    assert all(problem.values())


@pytest.mark.parametrize("error", errorshape.STANDARD, ids=lambda cls: cls.code)
def test_3_1_1_type_is_an_absolute_uri_of_the_reference_page(error):
    """§3.1.1: absolute, and dereferencing it gives the documentation: the page has the anchor."""
    from errorshape.contract.codes import render

    page, _, anchor = members(error(), PAGE)["type"].partition("#")

    assert page == PAGE
    assert f'<a id="{anchor}"></a>' in render(errorshape.STANDARD, "markdown")
    assert f'id="{anchor}"' in render(errorshape.STANDARD, "html")


def test_3_1_1_a_code_that_is_not_documented_has_no_type_of_its_own():
    """§3.1.1: there would be nothing at that address."""

    class OddError(APIError):
        code = "odd"
        status = 409

    problem = members(OddError("Odd."), PAGE)

    assert (problem["type"], problem["title"]) == ("about:blank", "Conflict")


@pytest.mark.parametrize("status", [400, 404, 409, 422, 499, 500, 503, 507, 599])
def test_3_1_2_status_is_that_of_the_response(status):
    """§3.1.2: the member MUST be the status that the response really has."""
    layer = ErrorLayer(problem_json=True)
    response = layer.reshape(status, [], b"", trace_id=ID, request=asking(PROBLEM))

    assert json.loads(response.body)["status"] == response.status == status


def test_3_1_3_title_does_not_change_from_occurrence_to_occurrence():
    """§3.1.3: it is about the type; what this one failure has to say is the detail."""
    titles = {members(NotFoundError(text), PAGE)["title"] for text in (None, "No 7", "No 8")}

    assert titles == {"Not found."}


def test_3_1_4_detail_is_about_this_occurrence():
    """§3.1.4: the error's own message; nothing about the inside of the service."""
    assert members(NotFoundError("No issue 7"))["detail"] == "No issue 7"
    assert members(ValueError("secret"))["detail"] == "Internal server error."


def test_3_1_5_instance_is_a_uri():
    """§3.1.5: the id as a URN (RFC 9562 §4); an id of another form has no URI."""
    assert members(NotFoundError())["instance"] == f"urn:uuid:{ID}"
    for other in ("from.the/client:1", "4bf92f3577b34da6a3ce929d0e0e4736", ID + "-1"):
        problem = members(NotFoundError(), trace_id=other)
        assert "instance" not in problem
        assert problem["trace_id"] == other


def test_3_2_extensions_have_names_that_any_format_can_have():
    """§3.2: a letter, then letters, digits and underscores, three characters at least."""
    for name in members(NotFoundError(details={"id": "7"})):
        assert re.fullmatch("[A-Za-z][A-Za-z0-9_]{2,}", name)


# The names of RFC 9110 §15, RFC 6585, RFC 4918, RFC 5842, RFC 2295, RFC 2774.
PHRASES = {
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    407: "Proxy Authentication Required", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
    411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large",
    414: "URI Too Long", 415: "Unsupported Media Type", 416: "Range Not Satisfiable",
    417: "Expectation Failed", 421: "Misdirected Request", 422: "Unprocessable Content",
    423: "Locked", 424: "Failed Dependency", 425: "Too Early", 426: "Upgrade Required",
    428: "Precondition Required", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 451: "Unavailable For Legal Reasons",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
    506: "Variant Also Negotiates", 507: "Insufficient Storage", 508: "Loop Detected",
    510: "Not Extended", 511: "Network Authentication Required",
}  # fmt: skip


def test_4_2_1_the_title_of_about_blank_is_the_status_phrase():
    """§4.2.1: whatever the error's own words are."""
    layer = ErrorLayer(problem_json=True)
    for status, phrase in PHRASES.items():
        response = layer.reshape(status, [], b"", trace_id=ID, request=asking(PROBLEM))
        problem = json.loads(response.body)
        assert (problem["type"], problem["title"].lower()) == ("about:blank", phrase.lower())
    for status in HTTPStatus:
        assert status < 400 or status_name(status), status


def test_a_class_without_words_has_a_title_all_the_same():
    """An empty message of an entry, a status that nobody has named."""

    class WordlessError(APIError):
        code = "wordless"
        status = 499
        message = ""

    catalog = errorshape.STANDARD.extend(WordlessError)
    problem = members(WordlessError("Oh."), PAGE, catalog=catalog)

    assert (problem["type"], problem["title"]) == (f"{PAGE}#wordless", "Client Error")


# --- RFC 9110 §12.5.1 -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", ENVELOPE),
        ("*/*", ENVELOPE),
        ("application/*", ENVELOPE),
        ("application/json", ENVELOPE),
        ("text/html", ENVELOPE),
        ("application/problem+json", PROBLEM),
        ("APPLICATION/Problem+JSON", PROBLEM),
        ("application/problem+json, application/json", ENVELOPE),
        ("application/json, application/problem+json", ENVELOPE),
        ("application/problem+json, application/json;q=0.9", PROBLEM),
        ("application/json;q=0.9,application/problem+json", PROBLEM),
        ("application/problem+json;q=0.5, application/json;q=0.4", PROBLEM),
        ("application/problem+json;q=0.4, application/json;q=0.5", ENVELOPE),
        ("application/problem+json;q=0", ENVELOPE),
        ("application/problem+json, */*;q=0.1", PROBLEM),
        ("application/problem+json, application/*;q=0.8", PROBLEM),
        ("application/problem+json;q=0.2, application/*", ENVELOPE),
        # The most specific range counts, whatever its quality.
        ("application/json;q=0.1, */*", PROBLEM),
        ("application/json;q=0, application/*", PROBLEM),
        ("application/problem+json;q=0.1, */*;q=0.9", ENVELOPE),
        ("application/problem+json;profile=x", ENVELOPE),  # a form that we do not have
        ("text/html, application/problem+json;q=0.001", PROBLEM),
        ("application/problem+json;q=nonsense", ENVELOPE),
        ("application/problem+json;q=1.5", ENVELOPE),
        ("not an accept header", ENVELOPE),
        # Nobody's wish, but an attempt to keep us busy.
        ("application/problem+json" + ", text/html" * 1_000, ENVELOPE),
    ],
)
def test_the_form_is_the_one_that_the_client_prefers(accept, form):
    """Ties, wildcards and nonsense are the envelope's."""
    assert form_for(accept) == form


ACCEPTS = st.one_of(
    st.text(st.characters(max_codepoint=255)),
    st.lists(
        st.tuples(
            st.sampled_from(
                [PROBLEM, ENVELOPE, "*/*", "application/*", "*", "/", "a/b;c=d", ";", ""]
            ),
            st.sampled_from(
                ["", ";q=1", ";q=0", ";q=0.3", ";q=", ";q=-1", ";q=inf", ';q="', "; q"]
            ),
        )
    ).map(lambda parts: ",".join(map("".join, parts))),
)


@given(ACCEPTS)
def test_no_accept_header_does_any_harm(accept):
    """Whatever a client sends, it gets one of the two, and the same error."""
    layer = ErrorLayer(problem_json=PAGE)
    response = layer.respond(ConflictError(), trace_id=ID, request=asking(accept))
    headers = dict(response.headers)

    assert headers["Content-Type"] in (PROBLEM, ENVELOPE)
    assert headers["Vary"] == "Accept"
    assert response.status == 409
    body = json.loads(response.body)
    assert (body if headers["Content-Type"] == PROBLEM else body["error"])["code"] == "conflict"


def test_a_header_that_cannot_be_read_is_none(caplog):
    """A failure of ours is logged and changes nothing."""
    layer = ErrorLayer(problem_json=True)
    response = layer.respond(ConflictError(), request=asking("", name="X-Other"))

    assert dict(response.headers)["Content-Type"] == ENVELOPE
    assert response.status == 409
    assert "The Accept header cannot be read" in caplog.text


def test_without_a_request_it_is_the_envelope():
    """A script that shapes an error has no Accept; that there are two forms is said all the same."""
    response = ErrorLayer(problem_json=True).respond(ConflictError())

    headers = dict(response.headers)
    assert (headers["Content-Type"], headers["Vary"]) == (ENVELOPE, "Accept")


# --- what CONTRACT §1 says of every body ----------------------------------------------------------

ANY = st.recursive(
    st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.binary(), st.just("é" * 2_000)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(message=ANY, details=st.none() | st.dictionaries(ANY.map(str), ANY, max_size=150) | ANY)
def test_any_error_has_a_problem_within_the_bounds(message, details):
    """Encoding never fails, and at most 16 KiB come out of it."""
    response = sent(ConflictError(message, details=details), PAGE)

    assert dict(response.headers)["Content-Type"] == PROBLEM
    assert len(response.body) <= 16 * 1024
    assert json.loads(response.body.decode())["code"] == "conflict"


def test_the_longest_of_everything_fits():
    """Of an escaped character each takes six bytes."""

    class LongError(APIError):
        code = "l" * 1_000
        status = 409
        message = "\x01" * 1_000

    catalog = errorshape.STANDARD.extend(LongError)
    page = "https://docs.example/" + "e" * (1_000 - len("https://docs.example/"))
    details = {"\x01" * 1_000: "\x01" * 1_000, "b": "c"}
    response = sent(LongError("\x02" * 2_000, details=details), page, catalog=catalog)

    assert len(response.body) <= 16 * 1024
    problem = json.loads(response.body)
    assert len(problem["detail"]) == len(problem["title"]) == 1_000
    assert list(problem["details"]) == ["…"]


def test_many_long_details_are_cut_to_the_size():
    """Each within its own bound, and too much together."""
    response = sent(ConflictError(details={f"field{n}": "x" * 900 for n in range(50)}))

    details = json.loads(response.body)["details"]
    assert len(response.body) <= 16 * 1024
    assert details["…"] == f"{50 - len(details) + 1} more"


def test_if_all_fails_it_is_the_envelope(monkeypatch):
    """Memory at its end is no reason to answer nothing."""

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("errorshape.core.problem.status_name", fail)
    response = sent(ConflictError())

    assert dict(response.headers)["Content-Type"] == ENVELOPE
    assert json.loads(response.body)["error"]["code"] == "conflict"


# --- what others have made ------------------------------------------------------------------------


def reshaped(body, trace_id=ID, status=404):
    layer = ErrorLayer(reshape="all")
    headers = [("Content-Type", PROBLEM)]
    return layer.reshape(status, headers, body, trace_id=trace_id, request=asking(PROBLEM))


def test_with_reshape_all_a_problem_of_ours_stays():
    """It conforms, whoever made it."""
    assert reshaped(sent(NotFoundError("No issue 7")).body) is None


def test_with_reshape_all_that_of_a_service_behind_keeps_what_it_says():
    """Right in all but the id: code, message and details are kept."""
    body = sent(NotFoundError("No issue 7", details={"id": "7"}), trace_id="another").body

    assert json.loads(reshaped(body).body)["error"] == {
        "code": "not_found", "message": "No issue 7", "trace_id": ID, "details": {"id": "7"}
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"about:blank","title":"Not Found","status":404,"detail":"No."}',
        b'{"error":{"code":"x","message":"y","trace_id":"z"}}',
        b"[]",
        b"\xff",
        sent(NotFoundError()).body.replace(b"404", b"400"),
    ],
)
def test_with_reshape_all_what_does_not_conform_is_replaced(body):
    """A problem of somebody else's has no code and no id, or another status than its response."""
    assert json.loads(reshaped(body).body)["error"]["message"] == "Not found."


# --- the option -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page", [PAGE, "https://docs.example:8443/v1/errors?lang=en", "tag:example.com,2026:errors"]
)
def test_a_page_has_an_absolute_address(page):
    """Any scheme will do; the code is its fragment."""
    kind = urlsplit(members(ConflictError(), page)["type"])

    assert kind.scheme
    assert kind.fragment == "conflict"
