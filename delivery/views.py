"""Pages on deliveries: what was sent, when, and how it went."""

from typing import Any
from zlib import crc32

from django.contrib import messages
from django.db.models import Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.access import may_edit
from common.http import AccountRequest
from common.paging import keyset_page
from delivery.choosing import choosings
from delivery.destination_views import NO_CONTENT, head_context
from delivery.health import WAITING
from delivery.models import Delivery
from delivery.searching import (
    OPEN,
    STATES,
    add_last_attempts,
    add_next_times,
    by_day,
    chips_of,
    find_deliveries,
    read_search,
)
from delivery.services import deliveries_like, retry_deliveries, retry_like
from destinations.models import Destination
from destinations.targets import all_targets
from destinations.views import get_destination

PAGE_SIZE = 50
PARTS_SHOWN = 100


@require_GET
@vary_on_headers("HX-Request")
def delivery_list(request: AccountRequest) -> HttpResponse:
    """All of the account; htmx asks for the rows alone, and with `tail=1` every 2 s for news."""
    return _list(request, {}, "delivery/deliveries.html")


@require_GET
@vary_on_headers("HX-Request")
def destination_deliveries(request: AccountRequest, pk: str) -> HttpResponse:
    found = get_destination(request, pk)
    return _list(request, {"destination": pk}, "delivery/destination_deliveries.html", found)


def _list(
    request: AccountRequest, fixed: dict[str, str], template: str, destination: Destination | None = None
) -> HttpResponse:
    search = read_search({**request.GET.dict(), **fixed}, request.account)
    page = keyset_page(find_deliveries(request.account, search), request.GET, PAGE_SIZE, is_rare=search.state in OPEN)
    add_last_attempts(page.rows)
    add_next_times(page.rows)
    version = crc32(repr([(row.pk, row.state, row.attempts, row.waiting_count) for row in page.rows]).encode())
    if request.htmx and request.GET.get("version") == str(version):
        return HttpResponse(status=NO_CONTENT)
    context: dict[str, Any] = {
        "search": search,
        "chips": chips_of(request.account, search, fixed),
        "filter_count": len(search.query.keys() - {"q", *fixed}),
        "page": page,
        "days": by_day(page.rows),
        "version": version,
        "is_tail": request.GET.get("tail") == "1" and not {"before", "after"} & request.GET.keys(),
        "destination": destination,
    }
    if request.htmx:
        return render(request, "delivery/_deliveries.html", context)
    context["targets"] = all_targets().values()
    context["states"] = [(slug, word) for slug, (word, _) in STATES.items()]
    for choosing in choosings(request.account):
        if choosing.noun not in fixed:
            chosen = search.query.get(choosing.noun) or request.GET.get(choosing.noun, "")
            context[f"{choosing.noun}s"] = choosing.show(choosing.noun, chosen, empty="All")
    if destination is not None:
        context |= head_context(destination, "deliveries")
    return render(request, template, context)


def get_delivery(request: AccountRequest, pk: int) -> Delivery:
    """The account's own; a foreign one is as missing as a missing one."""
    own = Delivery.objects.filter(account=request.account).select_related("subscription", "destination", "parent")
    return get_object_or_404(own.defer("payload", "remaining", "parent__payload", "parent__remaining"), pk=pk)


@require_GET
def delivery_detail(request: AccountRequest, pk: int) -> HttpResponse:
    found = get_delivery(request, pk)
    add_next_times([found])
    waits = found.state == Delivery.State.WAITING
    context = {
        "delivery": found,
        "parts": found.parts.select_related("attempt").order_by("-pk")[:PARTS_SHOWN],
        "dead_letters": found.dead_letters.defer("payload").order_by("position")[:PARTS_SHOWN],
        "children": found.children.select_related("destination").defer("payload", "remaining").order_by("pk")[:20],
        "alike": deliveries_like(found).count() if waits else 0,
    }
    return render(request, "delivery/delivery.html", context)


@require_POST
@may_edit
def retry(request: AccountRequest, pk: int) -> HttpResponse:
    found = get_delivery(request, pk)
    if retry_deliveries(deliveries=[found]):
        messages.success(request, "Tried again now.")
    else:
        messages.info(request, "Nothing waits in this delivery any more.")
    return redirect("delivery:delivery", pk)


@require_http_methods(["GET", "POST"])
@may_edit
def retry_alike(request: AccountRequest, pk: int) -> HttpResponse:
    """Everything that waits for the same destination, with the count first."""
    found = get_delivery(request, pk)
    if request.method == "POST":
        count = retry_like(delivery=found)
        messages.success(request, f"{count:,} deliveries queued for retry.")
        return redirect("delivery:delivery", pk)
    alike = deliveries_like(found)
    context = {
        "delivery": found,
        "count": alike.count(),
        "records": alike.aggregate(total=Sum(WAITING, default=0))["total"],
    }
    return render(request, "delivery/retry_alike.html", context)
