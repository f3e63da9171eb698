"""The tables, and the signals that write down every change of the one in the other."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

import errorshape


class Order(models.Model):
    """What customers want."""

    item: models.CharField[str, str] = models.CharField(max_length=100)

    def __str__(self) -> str:
        return f"orders/{self.pk}"


class Audit(models.Model):
    """Who changed what: ``trace_id`` is the request that did it, and finds its log lines."""

    # Null: outside of a request.
    trace_id: models.CharField[str | None, str | None] = models.CharField(
        max_length=128, null=True, db_index=True
    )
    action: models.CharField[str, str] = models.CharField(max_length=20)
    what: models.CharField[str, str] = models.CharField(max_length=100)

    def __str__(self) -> str:
        return f"{self.what} {self.action} by {self.trace_id}"


@receiver(post_save, sender=Order)
def audit_save(instance: Order, created: bool, **_: Any) -> None:
    """Write down that an order was created or changed."""
    write("created" if created else "changed", instance)


@receiver(post_delete, sender=Order)
def audit_delete(instance: Order, **_: Any) -> None:
    """Write down that an order was deleted."""
    write("deleted", instance)


def write(action: str, what: models.Model) -> None:
    """Write an audit row with the id of the request that is being served."""
    Audit.objects.create(trace_id=errorshape.trace_id(), action=action, what=str(what))
