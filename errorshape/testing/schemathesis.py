"""The check for schemathesis: every response it gets keeps the contract.

On the command line ``SCHEMATHESIS_HOOKS=errorshape.testing.schemathesis schemathesis run …``; in
Python ``case.validate_response(response, checks=[errorshape_contract])``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.catalog import Catalog
from . import assert_conforms

try:
    import schemathesis
except ImportError as exc:
    raise ImportError(
        "errorshape.testing.schemathesis needs schemathesis 4 or newer: pip install schemathesis"
    ) from exc


@schemathesis.check
def errorshape_contract(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Fail for a response that breaks a rule; codes of any name are allowed."""
    assert_conforms(response)


def contract_check(catalog: Catalog) -> Callable[[Any, Any, Any], None]:
    """Return a check that allows only the codes of ``catalog``; to be registered by its user."""

    def errorshape_catalog(ctx: Any, response: Any, case: Any) -> None:
        assert_conforms(response, catalog=catalog)

    return errorshape_catalog
