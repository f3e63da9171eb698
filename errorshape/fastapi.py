"""FastAPI: Starlette's adapter, with request validation as 400 ``validation_error``."""

from __future__ import annotations

from typing import Unpack

from .core.layer import ErrorLayer
from .core.options import Options
from .core.versions import is_older

_ADVICE = "errorshape.fastapi needs FastAPI 0.133 or newer: pip install 'errorshape[fastapi]'"

try:
    import fastapi

    from . import starlette
except ImportError as exc:
    raise ImportError(_ADVICE) from exc
if is_older(fastapi.__version__, (0, 133)):
    raise ImportError(f"{_ADVICE} (this is {fastapi.__version__})")


def init_app(
    app: fastapi.FastAPI, layer: ErrorLayer | None = None, **options: Unpack[Options]
) -> None:
    """Shape every error of a FastAPI application and of those mounted in it.

    Errors of request validation are 400 ``validation_error`` with the dot-path of each field; what
    was submitted is not repeated. All else is as :func:`errorshape.starlette.init_app` has it.
    """
    starlette.init_app(app, layer, **options)
