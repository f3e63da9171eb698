"""How the manual is built: ``tox run -e docs``, without the network and without a warning."""

from __future__ import annotations

import builtins
import sys
from typing import TYPE_CHECKING

import django
from django.conf import settings
from docutils import nodes

import errorshape

if TYPE_CHECKING:
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

# autodoc imports what stands on Django.
settings.configure(REST_FRAMEWORK={"UNAUTHENTICATED_USER": None})
django.setup()

project = "errorshape"
author = "errorshape contributors"
copyright = author  # noqa: A001 - Sphinx's name for it
release = version = errorshape.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 4  # those that links between pages name; a dead one is a warning

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
python_display_short_literal_types = True
toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"errorshape {release}"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_copy_source = False
html_show_copyright = False
pygments_style = "tango"
pygments_dark_style = "one-dark"

copybutton_exclude = ".linenos, .gp, .go"

# --- References to what is not documented here -----------------------------------------------------

# intersphinx would ask the network for each project's inventory at every build. These few have
# addresses that are known. A name is that of its distribution and its last part: where a class is
# defined differs between versions.
FOREIGN = {
    "ASGIApp": "https://asgi.readthedocs.io/en/stable/specs/main.html",
    "WSGIApplication": "https://docs.python.org/3/library/wsgiref.html",
    "aiohttp.ClientRequest": "https://docs.aiohttp.org/en/stable/client_advanced.html",
    "aiohttp.ClientResponse": "https://docs.aiohttp.org/en/stable/client_reference.html",
    "celery.Celery": "https://docs.celeryq.dev/en/stable/reference/celery.html",
    "django.HttpRequest": "https://docs.djangoproject.com/en/stable/ref/request-response/",
    "django.HttpResponseBase": "https://docs.djangoproject.com/en/stable/ref/request-response/",
    "django.ImproperlyConfigured": "https://docs.djangoproject.com/en/stable/ref/exceptions/",
    "dramatiq.Broker": "https://dramatiq.io/reference.html",
    "fastapi.FastAPI": "https://fastapi.tiangolo.com/reference/fastapi/",
    "flask.Flask": "https://flask.palletsprojects.com/api/",
    "ninja.NinjaAPI": "https://django-ninja.dev/reference/api/",
    "quart.Quart": "https://quart.palletsprojects.com/en/latest/reference/",
    "schemathesis.Case": "https://schemathesis.readthedocs.io/en/stable/reference/python/",
    "schemathesis.CheckContext": "https://schemathesis.readthedocs.io/en/stable/reference/python/",
    "schemathesis.Response": "https://schemathesis.readthedocs.io/en/stable/reference/python/",
    "starlette.Starlette": "https://www.starlette.io/applications/",
}
TYPE_VARIABLES = frozenset({"P", "R", "_Client", "_Manager", "_P", "_R", "_Session"})


def foreign(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element
) -> nodes.Node | None:
    """Resolve a Python name that no page of ours defines: another name of ours, or a foreign one."""
    if node.get("refdomain") != "py":
        return None
    name: str = node["reftarget"]
    package, last = name.partition(".")[0], name.rpartition(".")[2]
    if last in TYPE_VARIABLES:
        return contnode
    if hasattr(errorshape, last) and package in ("errorshape", last):
        # Annotations say where a class is defined; documented is where it is public.
        python = env.domains.python_domain
        return python.resolve_xref(
            env, node["refdoc"], app.builder, "obj", f"errorshape.{last}", node, contnode
        )
    url = FOREIGN.get(name if name == last else f"{package}.{last}") or in_the_standard_library(
        name
    )
    return url and nodes.reference("", "", contnode, internal=False, refuri=url)


def in_the_standard_library(name: str) -> str | None:
    """Return where the Python documentation has a name, None if it has not."""
    module = name.rpartition(".")[0]
    builtin = getattr(builtins, name, None)
    if not module and isinstance(builtin, type):
        is_exception = issubclass(builtin, BaseException)
        page = "exceptions" if is_exception else "stdtypes"
        return f"https://docs.python.org/3/library/{page}.html#{name}"
    if module.partition(".")[0] in sys.stdlib_module_names:
        return f"https://docs.python.org/3/library/{module}.html#{name}"
    return None


def with_code(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Add to the docstring of an error what it is sent with."""
    is_one = isinstance(obj, type) and issubclass(obj, errorshape.APIError)
    if is_one and obj is not errorshape.APIError and "code" in vars(obj):
        lines += ["", f"``{obj.code}``, {obj.status}."]


def setup(app: Sphinx) -> None:
    """Take part in the build."""
    app.connect("autodoc-process-docstring", with_code)
    app.connect("missing-reference", foreign)
