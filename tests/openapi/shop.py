"""What the shop sells, and how it fails."""

from __future__ import annotations

from typing import Any

import errorshape
from errorshape.contract.openapi import responses


class StockError(errorshape.APIError):
    """There is not enough of it."""

    code = "out_of_stock"
    status = 409
    message = "Out of stock."


CATALOG = errorshape.STANDARD.extend(StockError)
FAILURES = responses(errorshape.NotFoundError, StockError)


def find(item_id: int) -> dict[str, Any]:
    """Return the one item that there is."""
    if item_id != 1:
        raise errorshape.NotFoundError(details={"id": str(item_id)})
    return {"id": 1, "name": "nail"}


def order(name: str, amount: int) -> dict[str, Any]:
    """Order a few of the one item that there is."""
    if amount > 10:
        raise StockError(details={"left": "10"})
    return {"id": 1, "name": name}
