"""The views of the audit example, which know nothing of the audit log, and their routes."""

import logging

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

import errorshape

from .models import Audit, Order

log = logging.getLogger("orders")


def place_order(request: HttpRequest, item: str) -> HttpResponse:
    """Place an order; fails for what cannot be had, after it was written."""
    order = Order.objects.create(item=item)
    log.info("placed %s", order.pk)
    if item == "the moon":
        raise errorshape.ConflictError("The moon is not for sale")
    return JsonResponse({"id": order.pk}, status=201)


def show_audit(request: HttpRequest) -> HttpResponse:
    """Show what was done; ``?trace_id=`` by one request."""
    rows = Audit.objects.order_by("id").values("trace_id", "action", "what")
    if "trace_id" in request.GET:
        rows = rows.filter(trace_id=request.GET["trace_id"])
    return JsonResponse({"audit": list(rows)})


urlpatterns = [path("orders/<str:item>", place_order), path("audit", show_audit)]
