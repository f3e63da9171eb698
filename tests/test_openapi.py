"""OpenAPI: components, responses, documents of every framework that tell the truth about errors."""

from __future__ import annotations

import copy
import importlib
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import jsonschema
import msgspec
import pytest
from openapi_spec_validator import validate

import errorshape
from errorshape import cli
from errorshape.contract.openapi import complete, components, responses
from errorshape.core.http import Request

# Django's two are in a process of their own: a project's settings are for good.
APPS = ("fastapi", "litestar", "apispec", "smorest", "apiflask")
DJANGO_APPS = ("drf", "ninja")


def document_of(**paths):
    """Make a document with these operations at GET."""
    items = {f"/{name}": {"get": operation} for name, operation in paths.items()}
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": items}


@pytest.fixture(scope="module")
def django_documents():
    """The documents of the shops on Django."""
    program = (
        "import django, importlib, json; django.setup()\n"
        f"names = {DJANGO_APPS}\n"
        "apps = [importlib.import_module(f'tests.openapi.{name}_app') for name in names]\n"
        "print(json.dumps([app.document() for app in apps]))\n"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.openapi.django_settings"}
    made = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return dict(zip(DJANGO_APPS, json.loads(made.stdout), strict=True))


@pytest.fixture(params=[*APPS, *DJANGO_APPS])
def document(request, django_documents):
    """The shop's document on each framework."""
    if request.param in DJANGO_APPS:
        return django_documents[request.param]
    return importlib.import_module(f"tests.openapi.{request.param}_app").document()


# --- components and responses --------------------------------------------------------------------


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_a_document_with_components_and_responses_is_valid(version) -> None:
    """What both functions make is valid OpenAPI, whole catalogue included."""
    document = document_of(all={"responses": responses(*errorshape.STANDARD)})
    document |= {"openapi": version, "components": components()}
    validate(document)


def test_the_examples_and_the_schema_agree_with_what_is_sent() -> None:
    """Every example decodes as the struct that goes over the wire."""
    from errorshape.core import body

    for code, response in components()["responses"].items():
        for example in response["content"]["application/json"].get("examples", {}).values():
            assert body.decode(msgspec.json.encode(example["value"])).code == code


def test_classes_of_one_status_share_a_response() -> None:
    """403 can be several things; each is named."""
    (response,) = responses(errorshape.ForbiddenError, errorshape.MFARequiredError).values()
    content = response["content"]["application/json"]
    assert list(content["examples"]) == ["forbidden", "mfa_required"]
    codes = content["schema"]["allOf"][1]["properties"]["error"]["properties"]["code"]
    assert codes["enum"] == ["forbidden", "mfa_required"]
    assert "insufficient. The workspace requires" in response["description"]


def test_statuses_that_are_kept_are_ranges() -> None:
    """ClientError stands for any other 4xx."""
    assert list(responses(errorshape.ClientError, errorshape.ServerError)) == ["4XX", "5XX"]


def test_headers_are_documented_with_the_errors_that_have_them() -> None:
    """401 says how, 429 when, all have the id, by the name that it was given."""
    made = responses(
        errorshape.UnauthorizedError, errorshape.RateLimitedError, trace_header="X-Trace"
    )
    assert list(made["401"]["headers"]) == ["X-Trace", "WWW-Authenticate"]
    assert list(made["429"]["headers"]) == ["X-Trace", "Retry-After"]


def test_what_cannot_be_in_a_catalogue_cannot_be_documented() -> None:
    """The catalogue's rules hold here, too."""
    with pytest.raises(TypeError):
        responses(ValueError)


# --- complete ------------------------------------------------------------------------------------


def test_every_document_is_valid(document) -> None:
    """Each framework's document is valid OpenAPI."""
    validate(document)


def test_every_operation_says_how_it_fails(document) -> None:
    """No 422 of a framework's own; 400 where there is input, a default for the rest."""
    for item in document["paths"].values():
        for method in item.keys() & {"get", "post"}:
            made = item[method]["responses"]
            assert "422" not in made
            assert "default" in made
            if method == "post":
                schema = made["400"]["content"]["application/json"]["schema"]
                assert schema["allOf"][0] == {"$ref": "#/components/schemas/ErrorEnvelope"}
    names = document["components"]["schemas"].keys()
    assert not names & {"HTTPValidationError", "ValidationError", "HTTPError"}


def test_every_response_has_the_trace_id(document) -> None:
    """Successes too."""
    for item in document["paths"].values():
        for method in item.keys() & {"get", "post"}:
            for response in item[method]["responses"].values():
                assert "X-Request-Id" in response["headers"]


def test_a_bare_error_response_gets_the_shape_and_keeps_its_description(document) -> None:
    """What was documented in a word only is documented whole."""
    described = json.dumps(document)
    assert '"enum": ["not_found"]' in described
    bare = ("Not that many.", "No such item.", "None such.", "Not Found", "Not found")
    assert any(text in described for text in bare) or "out_of_stock" in described


def test_complete_twice_is_complete(document) -> None:
    """Doing it again changes nothing."""
    again = complete(copy.deepcopy(document), importlib.import_module("tests.openapi.shop").CATALOG)
    assert again == document


def test_what_the_application_documents_stays() -> None:
    """Its own 422, its own bodies, its references."""
    own = {"description": "mine", "content": {"application/json": {"schema": {"type": "string"}}}}
    document = document_of(
        a={
            "parameters": [{"name": "q", "in": "query", "schema": {"type": "string"}}],
            "responses": {
                "200": {"description": "ok"},
                "422": copy.deepcopy(own),
                "404": {"$ref": "#/components/responses/gone"},
                "405": {"$ref": "#/components/responses/Mine"},
                "400": copy.deepcopy(own),
                "default": copy.deepcopy(own),
            },
        }
    )
    document["components"] = {"responses": {"Mine": copy.deepcopy(own)}}
    made = complete(document)["paths"]["/a"]["get"]["responses"]
    for status in ("422", "400", "default"):
        assert made[status]["content"] == own["content"]
    assert made["404"] == {"$ref": "#/components/responses/gone"}
    assert set(document["components"]["responses"]) == {"Mine", "gone"}
    assert "X-Request-Id" in document["components"]["responses"]["Mine"]["headers"]
    validate(document)


def test_odd_documents_are_taken_as_they_are() -> None:
    """Responses of no media type, status enums, path items that are no operation."""
    from http import HTTPStatus

    document = document_of(a={})
    document["paths"]["/a"]["parameters"] = []
    document["paths"]["/b"] = None
    document["paths"]["/a"]["post"] = {
        "responses": {
            HTTPStatus.NOT_FOUND: {"description": "No.", "content": {"text/plain": None}},
            410: None,
            "499": {"description": "Ours."},
            "409": {"description": "?", "content": {"application/json": {"schema": True}}},
        }
    }
    made = complete(document)["paths"]["/a"]["post"]["responses"]
    assert made["404"]["content"] == {"text/plain": None}
    assert made["410"] is None
    assert made["499"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/ErrorEnvelope"
    }


def test_litestars_several_errors_of_one_status_are_its_own() -> None:
    """It documents them as a oneOf."""
    one = {"properties": {name: {} for name in ("status_code", "detail", "extra")}}
    schema = {"oneOf": [one, one]}
    response = {"description": "d", "content": {"application/json": {"schema": schema}}}
    made = complete(document_of(a={"responses": {"400": response}}))["paths"]["/a"]["get"]
    assert "validation_error" in json.dumps(made["responses"]["400"])


@pytest.mark.parametrize("document", [{}, [], {"swagger": "2.0"}], ids=str)
def test_what_is_no_document_is_refused(document) -> None:
    """Version 2 is another format."""
    with pytest.raises(TypeError, match="openapi: 3"):
        complete(document)


# --- the frameworks' modules ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "needs"),
    [
        ("fastapi", "fastapi"),
        ("litestar", "litestar.config.app"),
        ("ninja", "ninja"),
        ("apispec", "apispec"),
        ("apiflask", "apiflask"),
    ],
)
def test_a_missing_framework_is_named_with_the_remedy(module, needs, monkeypatch) -> None:
    """The ImportError says what to install."""
    name = f"errorshape.contract.openapi.{module}"
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, needs, None)
    with pytest.raises(ImportError, match="pip install"):
        importlib.import_module(name)


def test_fastapi_makes_its_document_once() -> None:
    """It is asked for on each request of /openapi.json."""
    app = importlib.import_module("tests.openapi.fastapi_app").app
    assert app.openapi() is app.openapi()


def test_litestar_without_a_document_has_nothing_to_complete() -> None:
    """openapi_config=None switches it off."""
    from litestar import Litestar

    from errorshape.contract.openapi.litestar import ErrorShapeOpenAPI

    assert Litestar([], openapi_config=None, plugins=[ErrorShapeOpenAPI()]).openapi_config is None


def test_apiflask_keeps_the_applications_own_processor() -> None:
    """In both of its forms, a dict and an object."""
    from apiflask import APIFlask

    from errorshape.contract.openapi.apiflask import document as complete_apiflask

    for as_object in (False, True):
        app = APIFlask(__name__)
        app.config["SPEC_PROCESSOR_PASS_OBJECT"] = as_object
        seen = []

        @app.spec_processor
        def own(spec, seen=seen):
            seen.append(spec)
            return spec

        complete_apiflask(app)
        with app.app_context():
            assert "ErrorEnvelope" in app.spec["components"]["schemas"]
        assert len(seen) == 1


def test_apispec_asks_the_plugin_about_paths_without_operations() -> None:
    """A path may have none."""
    from errorshape.contract.openapi.apispec import ErrorShapePlugin

    ErrorShapePlugin().operation_helper("/", None)


def test_an_object_is_no_response() -> None:
    """apispec passes on what it was given."""
    document = document_of(a={"responses": {"404": SimpleNamespace()}})
    assert complete(document)["paths"]["/a"]["get"]["responses"]["404"] == SimpleNamespace()


# --- the command ---------------------------------------------------------------------------------


def test_the_command_prints_the_components(capsys) -> None:
    """Without a file it is the components alone."""
    assert cli.main(["openapi"]) == 0
    assert json.loads(capsys.readouterr().out) == {"components": components()}


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_the_command_completes_a_file(suffix, tmp_path, capsys, monkeypatch) -> None:
    """JSON and YAML in, JSON out."""
    monkeypatch.chdir(tmp_path)
    document = document_of(a={"responses": {"200": {"description": "ok"}}})
    kind = getattr(msgspec, suffix)
    (tmp_path / f"in.{suffix}").write_bytes(kind.encode(document))
    assert cli.main(["openapi", "--into", f"in.{suffix}", "--output", "out.json"]) == 0
    assert json.loads((tmp_path / "out.json").read_text()) == complete(document)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.json", "{", "a.json is no valid JSON (Input data was truncated)"),
        ("a.yaml", "a: [", "a.yaml is no valid YAML"),
        ("a.json", "[]", "a.json is no OpenAPI document of version 3"),
        ("a.yaml", "swagger: '2.0'", "a.yaml is no OpenAPI document of version 3"),
        ("a.json", '{"openapi": "3.1.0", "paths": 1}', "an object of paths"),
    ],
)
def test_a_broken_file_is_one_sentence(name, text, sentence, tmp_path, capsys, monkeypatch) -> None:
    """Exit code 2 and what to mend."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    assert cli.main(["openapi", "--into", name]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert sentence in err


# --- what is documented is what is sent ----------------------------------------------------------


@pytest.mark.parametrize("shops", [APPS, DJANGO_APPS], ids=" ".join)
def test_schemathesis_finds_no_undocumented_error(shops) -> None:
    """Each shop gets requests that its document allows, and requests that it does not."""
    settings = "tests.openapi.django_settings" if shops is DJANGO_APPS else ""
    done = subprocess.run(
        [sys.executable, "-m", "tests.openapi.fuzz", *shops],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("answers, all documented, all in the shape") == len(shops)


def test_schemathesis_would_have_found_one(tmp_path) -> None:
    """The same run fails where the document says less than is sent."""
    program = (
        "from tests.openapi import apispec_app, fuzz\n"
        "made = apispec_app.document()\n"
        "made['paths']['/items/{item_id}']['get']['responses'] = {'200': {'description': 'ok'}}\n"
        "apispec_app.document = lambda: made\n"
        "fuzz.main(['apispec'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Received: 404" in done.stderr
    assert "Documented: 200" in done.stderr


# --- RFC 9457 -------------------------------------------------------------------------------------


def test_both_media_types_are_documented_where_the_layer_has_both():
    """Each shaped response has the problem beside the envelope, and of classes only their codes."""
    document = {
        "openapi": "3.1.0",
        "info": {"title": "shop", "version": "1"},
        "paths": {
            "/items": {
                "get": {
                    "responses": {
                        "200": {"description": "All items."},
                        "409": {"description": "Mine.", "content": {"text/csv": {}}},
                        **responses(errorshape.NotFoundError),
                    }
                }
            }
        },
    }

    made = complete(document, problem_json=True)
    again = json.loads(json.dumps(made))

    validate(made)
    assert complete(made, problem_json=True) == again
    documented = made["paths"]["/items"]["get"]["responses"]
    problem = {"$ref": "#/components/schemas/ProblemDetails"}
    assert documented["default"]["content"]["application/problem+json"] == {"schema": problem}
    codes = {"type": "object", "properties": {"code": {"type": "string", "enum": ["not_found"]}}}
    not_found = documented["404"]["content"]["application/problem+json"]
    assert not_found == {"schema": {"allOf": [problem, codes]}}
    assert list(documented["409"]["content"]) == ["text/csv"]
    assert "content" not in documented["200"]


def test_one_media_type_is_documented_by_default():
    """Nothing promises a form that is not there."""
    assert "ProblemDetails" not in components()["schemas"]
    assert "problem+json" not in json.dumps(components())


def test_a_problem_is_valid_against_its_schema():
    """The schema is made of the struct that goes over the wire."""
    layer = errorshape.ErrorLayer(problem_json=True)
    request = Request("GET", "/", {"Accept": "application/problem+json"}.get)
    response = layer.respond(errorshape.NotFoundError(details={"id": "7"}), request=request)

    schema = components(problem_json=True)["schemas"]["ProblemDetails"]

    jsonschema.validate(json.loads(response.body), schema)


def test_the_command_documents_both(capsys):
    """``--problem-json`` is for documents that no framework makes."""
    assert cli.main(["openapi", "--problem-json"]) == 0

    assert "ProblemDetails" in json.loads(capsys.readouterr().out)["components"]["schemas"]
