"""Find what a user has named, ``package.module:name``, or say in a sentence why it is not there."""

from __future__ import annotations

import importlib
import os
import sys
from functools import reduce
from pathlib import Path
from typing import Any

from ..cli import CommandError
from ..core.catalog import STANDARD, Catalog

STANDARD_NAME = "errorshape:STANDARD"


def load(target: str, what: str = "object", example: str = "shop.errors:CATALOG") -> Any:
    """Return the object that ``target`` (``package.module:attribute``) names.

    A pair of parentheses at its end calls it: ``shop:create_app()``. The current directory comes
    first on the path, as with ``python -m``. Raises :exc:`~errorshape.cli.CommandError`.
    """
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise CommandError(
            f"{target!r} names no {what}: write it as package.module:name, like {example}."
        )
    called = attribute.endswith("()")
    module = _imported(module_name, target)
    try:
        found = reduce(getattr, attribute.removesuffix("()").split("."), module)
    except AttributeError:
        raise CommandError(
            f"{module_name} has no {attribute.removesuffix('()')!r}{_nearest(attribute, module)}"
        ) from None
    if not called:
        return found
    try:
        return found()
    except Exception as exc:
        raise CommandError(
            f"{target} fails: {_reason(exc)}. Call it in Python to see why."
        ) from exc


def load_catalog(target: str) -> Catalog:
    """Return the catalogue that ``target`` names; raises :exc:`~errorshape.cli.CommandError`."""
    if target == STANDARD_NAME:
        return STANDARD
    found = load(target, "catalogue")
    if not isinstance(found, Catalog):
        raise CommandError(
            f"{target} is {_a(found)}, not a catalogue: name what Catalog(...) or"
            " STANDARD.extend(...) gave."
        )
    return found


def read_text(path: str) -> str:
    """Return the text of a file; raises :exc:`~errorshape.cli.CommandError`."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CommandError(f"There is no file {path}: check the path.") from None
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "it is not UTF-8"
        raise CommandError(f"{path} cannot be read ({reason}): name another file.") from None


def write_text(path: str, text: str) -> None:
    """Write a file; raises :exc:`~errorshape.cli.CommandError`."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as exc:
        raise CommandError(
            f"{path} cannot be written ({exc.strerror}): name another file."
        ) from None


def _imported(name: str, target: str) -> Any:
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        missing = exc.name or name
        if name == missing or name.startswith(f"{missing}."):
            raise CommandError(
                f"There is no module {missing!r} for {target}: run this where"
                f" 'python -c \"import {name}\"' works."
            ) from None
        raise CommandError(
            f"{name} needs the module {missing!r}, which is not installed: install it first."
        ) from None
    except (Exception, SystemExit) as exc:
        raise CommandError(
            f"{name} does not import: {_reason(exc)}. 'python -c \"import {name}\"' shows where."
        ) from exc


def _nearest(attribute: str, module: Any) -> str:
    import difflib

    names = [name for name in vars(module) if not name.startswith("_")]
    near = difflib.get_close_matches(attribute, names, n=1)
    return f": did you mean {near[0]!r}?" if near else ": name one of its attributes."


def _reason(exc: BaseException) -> str:
    text = " ".join(str(exc).split()).rstrip(".")
    if len(text) > 200:
        text = f"{text[:199]}…"
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__


def _a(value: object) -> str:
    name = type(value).__name__
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"
