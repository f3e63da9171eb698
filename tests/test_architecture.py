"""Who may import whom (DESIGN.md, "The house"), and what is public."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import errorshape

PACKAGE = Path(errorshape.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
# An adapter may import these and itself; the frameworks stand beside each other.
SHARED = {
    "errorshape",
    "errorshape.asgi",
    "errorshape.contract.codes",  # `flask errors` and `manage.py errors`, when they are run
    "errorshape.core",
    "errorshape.foreign",
    "errorshape.trace",
    "errorshape.werkzeug",
    "errorshape.wsgi",
}
#: Third-party modules that core and trace may import at their top.
OF_THE_CORE = {"msgspec"}


def imports_of(module: str, top_only: bool = False) -> set[str]:
    """Return the absolute names of what a module imports."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_text())
    found: set[str] = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
            name = f"{base}.{node.module}" if node.module else base
            found |= {f"{name}.{alias.name}" for alias in node.names} & MODULES.keys() or {name}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


def in_any(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize(
    "module", [name for name in MODULES if in_any(name, {"errorshape.core", "errorshape.trace"})]
)
def test_the_core_imports_no_adapter_and_no_framework(module):
    """What knows no framework imports the standard library, msgspec, and its own kind."""
    for name in imports_of(module):
        top = name.partition(".")[0]
        assert top in sys.stdlib_module_names or in_any(
            name, {"errorshape.core", "errorshape.trace", *OF_THE_CORE}
        ), name


def test_the_exceptions_import_nothing_of_ours():
    """The errors are data; everything else stands on them."""
    assert not [name for name in imports_of("errorshape.core.exceptions") if "errorshape" in name]


ADAPTERS = ["flask", "django", "starlette", "fastapi", "litestar", "quart"]
#: FastAPI is made of Starlette, and so is its adapter.
MADE_OF = {"errorshape.fastapi": {"errorshape.starlette"}}


@pytest.mark.parametrize("adapter", [f"errorshape.{name}" for name in ADAPTERS])
def test_an_adapter_imports_no_other_adapter(adapter):
    """Each framework's module stands on the core and the protocols alone."""
    for module in MODULES:
        if in_any(module, {adapter}):
            for name in imports_of(module):
                allowed = {*SHARED - {"errorshape"}, adapter, *MADE_OF.get(adapter, ())}
                assert in_any(name, allowed) or not name.startswith("errorshape."), (module, name)


def modules_after(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has after a statement."""
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(out.stdout.split())


def test_importing_errorshape_imports_little_more_than_msgspec():
    """No framework, neither werkzeug nor asgiref, no logging: only ours."""
    more = modules_after("import errorshape") - modules_after("import msgspec")

    assert {name for name in more if not in_any(name, {"errorshape"})} <= {
        "_contextvars",
        "contextvars",
    }


def test_every_error_of_the_standard_catalogue_is_public():
    """What can be documented can be raised: each class is a name of ``errorshape``."""
    assert {entry.__name__ for entry in errorshape.STANDARD} <= set(errorshape.__all__)


@pytest.mark.parametrize("name", sorted(set(errorshape.__all__) - {"STANDARD", "trace"}))
def test_every_public_name_has_a_docstring(name):
    """A reader of the code and of ``help()`` finds what each name is for."""
    assert inspect.getdoc(getattr(errorshape, name))
