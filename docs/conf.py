"""How the manual is built: ``tox run -e docs``, without the network and without a warning."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from docutils import nodes

import errorshape

if TYPE_CHECKING:
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

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
# addresses that are known.
FOREIGN = {
    "django.forms.BaseForm": "https://docs.djangoproject.com/en/stable/ref/forms/api/",
    "flask.Flask": "https://flask.palletsprojects.com/api/#flask.Flask",
}
BUILTIN_PAGES = {"data": "stdtypes", "class": "stdtypes", "exc": "exceptions"}


def foreign(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element
) -> nodes.Node | None:
    """Resolve a Python name that no page of ours defines: another name of ours, or a foreign one."""
    if node.get("refdomain") != "py":
        return None
    name = node["reftarget"]
    if name.startswith("errorshape."):
        # The annotations say where a class is defined; documented is where it is public.
        python = env.domains.python_domain
        public = f"errorshape.{name.rpartition('.')[2]}"
        return python.resolve_xref(env, node["refdoc"], app.builder, "obj", public, node, contnode)
    if (url := FOREIGN.get(name) or in_the_standard_library(name)) is None:
        return None
    return nodes.reference("", "", contnode, internal=False, refuri=url)


def in_the_standard_library(name: str) -> str | None:
    """Return where the Python documentation has a name, None if it has not."""
    module = name.rpartition(".")[0]
    if not module and isinstance(vars(__builtins__).get(name), type):
        page = (
            "exceptions"
            if name.endswith(("Error", "Exception", "Exit", "Interrupt"))
            else "stdtypes"
        )
        return f"https://docs.python.org/3/library/{page}.html#{name}"
    if module.partition(".")[0] in sys.stdlib_module_names:
        return f"https://docs.python.org/3/library/{module}.html#{name}"
    return None


def setup(app: Sphinx) -> None:
    """Take part in the build."""
    app.connect("missing-reference", foreign)
