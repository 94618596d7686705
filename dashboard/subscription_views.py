"""Subscriptions with what was carried for them: the list, one of them, and the end of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.access import may_edit
from accounts.audit import Actor
from common.http import AccountRequest
from dashboard.subscription_figures import (
    Bars,
    Figures,
    figures_of,
    ledger_of,
    matched_by_subscription,
    places_of,
    spark,
    waiting_of,
)
from delivery.held import discard_waiting
from delivery.models import Delivery
from destinations.models import Destination
from subscriptions.health import Condition, condition_of
from subscriptions.models import DRAFT_KEPT, Draft, Source, Subscription
from subscriptions.services import delete_subscription, update_subscription
from subscriptions.views import UNPROCESSABLE, get_subscription

PAGE_SIZE = 50
BULK = {
    "pause": (Subscription.State.ACTIVE, Subscription.State.PAUSED, "paused; records are being held"),
    "resume": (Subscription.State.PAUSED, Subscription.State.ACTIVE, "active; held records go out in order"),
}
LATEST_SHOWN = 5
COLUMNS = {"name": "Subscription", "matched": "Matched, 24 h", "delivered": "Last delivered", "state": "State"}


@dataclass(frozen=True, slots=True)
class Row:
    subscription: Subscription
    figures: Figures
    condition: Condition
    bars: Sequence[Bars]
    types: Sequence[str]
    places: Sequence[Destination]


@dataclass(frozen=True, slots=True)
class Head:
    """A column that sorts: `address` sorts by it, or the other way; `order` is set while the list is sorted by it."""

    column: str
    label: str
    address: str
    order: str = ""
    is_number: bool = False


@require_GET
@vary_on_headers("HX-Request")
def subscription_list(request: AccountRequest) -> HttpResponse:
    now = timezone.now()
    query, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    own = Subscription.objects.existing().filter(account=request.account)
    found = own.filter(description__icontains=query) if query else own
    if state in Subscription.State.values:
        found = found.filter(state=state)
    ids = _sorted_ids(request, found, now)
    page = Paginator(ids, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "rows": _rows(request, list(page.object_list), now),
        "page": page,
        "total": len(ids) if found is own else own.count(),
        "q": query,
        "state": state,
        "states": Subscription.State.choices,
        "sort": _sort(request),
        "heads": _heads(request),
        "query": _without(request, "page"),
        "drafts": Draft.objects.open().filter(account=request.account, subscription=None).order_by("-updated_at")[:5],
        "discarded": _discarded(request),
    }
    template = "subscriptions/_results.html" if request.htmx else "subscriptions/list.html"
    return render(request, template, context)


def _discarded(request: AccountRequest) -> Draft | None:
    """The draft that was just given up, which can be had back for a day."""
    wanted = request.GET.get("discarded")
    gone = Draft.objects.filter(account=request.account, saved_as=None, discarded_at__gte=timezone.now() - DRAFT_KEPT)
    return gone.filter(pk=wanted).first() if wanted else None


def _sort(request: AccountRequest) -> str:
    wanted = request.GET.get("sort", "name")
    return wanted if wanted.removeprefix("-") in COLUMNS else "name"


def _heads(request: AccountRequest) -> dict[str, Head]:
    """By column. Figures and times begin with the largest, names with A."""
    current, heads = _sort(request), {}
    for column, label in COLUMNS.items():
        first, second = (column, f"-{column}") if column in {"name", "state"} else (f"-{column}", column)
        wanted = second if current == first else first
        order = {column: "ascending", f"-{column}": "descending"}.get(current, "")
        address = f"?{_without(request, 'page', 'sort', sort=wanted)}"
        heads[column] = Head(column, label, address, order, column == "matched")
    return heads


def _without(request: AccountRequest, *names: str, **added: str) -> str:
    """The query string without some parts, and with others."""
    kept = {name: value for name, value in request.GET.items() if name not in {*names, "discarded"} and value}
    return urlencode({**kept, **added})


def _sorted_ids(request: AccountRequest, found: QuerySet[Subscription], now: datetime) -> list[str]:
    """All of them by the wanted column; light rows, so that a thousand cost milliseconds."""
    column, is_descending = _sort(request).removeprefix("-"), _sort(request).startswith("-")
    rows = list(found.values_list("pk", "description", "state"))
    rows.sort(key=lambda row: (row[1].casefold(), row[0]))
    if column == "name":
        return [pk for pk, _, _ in (reversed(rows) if is_descending else rows)]
    keys: dict[str, Any] = {pk: state for pk, _, state in rows}
    if column == "matched":
        keys = matched_by_subscription(request.account, now)
    elif column == "delivered":
        delivered = _with_last_delivered(found).values_list("pk", "last_delivered")
        keys = {pk: at.timestamp() for pk, at in delivered if at}
    return sorted((pk for pk, _, _ in rows), key=lambda pk: keys.get(pk, 0), reverse=is_descending)


def _with_last_delivered(subscriptions: QuerySet[Subscription]) -> QuerySet[Any]:
    latest = Delivery.objects.filter(subscription=OuterRef("pk"), state=Delivery.State.DELIVERED).order_by("-pk")
    return subscriptions.annotate(last_delivered=Subquery(latest.values("settled_at")[:1]))


def _rows(request: AccountRequest, ids: list[str], now: datetime) -> list[Row]:
    """In the columns that the list shows."""
    places = Prefetch("destinations", Destination.objects.only("description", "target", "config", "state"))
    sources = Prefetch("sources", Source.objects.only("subscription", "event_type"))
    shown = Subscription.objects.filter(pk__in=ids).only("description", "state")
    by_id = {each.pk: each for each in _with_last_delivered(shown).prefetch_related(sources, places)}
    figures = figures_of(list(by_id.values()), now)
    return [_row(by_id[pk], figures[pk]) for pk in ids]


def _row(subscription: Subscription, figures: Figures) -> Row:
    condition = condition_of(subscription, figures.undecided)
    types = [source.event_type for source in subscription.sources.all()]
    return Row(subscription, figures, condition, spark(figures), types, list(subscription.destinations.all()))


@require_POST
@may_edit
def change_several(request: AccountRequest) -> HttpResponse:
    """Pause or resume the ticked ones; those that are so already, or off, stay as they are."""
    act = request.POST.get("act", "")
    if act not in BULK:
        messages.error(request, "Choose what to do with them: pause or resume.")
        return _back_to_list(request)
    old, new, word = BULK[act]
    ticked = Subscription.objects.existing().filter(account=request.account, pk__in=request.POST.getlist("pk"))
    chosen = list(ticked.filter(state=old))
    for subscription in chosen:
        update_subscription(subscription=subscription, actor=Actor.person(request.user), state=new)
    total = ticked.count()
    if not chosen:
        reason = f"the ticked ones are not {old.label.lower()}" if total else "tick the subscriptions first"
        messages.warning(request, f"Nothing was changed: {reason}.")
        return _back_to_list(request)
    rest = f" {total - len(chosen)} of the {total} ticked were not {old.label.lower()}." if total > len(chosen) else ""
    messages.success(request, f"{len(chosen)} subscription{'s' * (len(chosen) != 1)} {word}.{rest}")
    return _back_to_list(request)


def _back_to_list(request: AccountRequest) -> HttpResponse:
    return redirect(f"{reverse('subscriptions:list')}?{request.POST.get('query', '')}".rstrip("?"))


@require_GET
def detail(request: AccountRequest, pk: str) -> HttpResponse:
    subscription = get_subscription(request, pk)
    now = timezone.now()
    figures = figures_of([subscription], now)[pk]
    latest = Delivery.objects.filter(subscription=subscription).select_related("destination", "subscription")
    context = {
        "subscription": subscription,
        "condition": condition_of(subscription, figures.undecided),
        "figures": figures,
        "ledger": ledger_of(subscription, now),
        "places": places_of(subscription, now),
        "revision": subscription.revisions.first(),
        "deliveries": latest.defer("payload", "remaining").order_by("-pk")[:LATEST_SHOWN],
    }
    return render(request, "subscriptions/detail.html", context)


@require_http_methods(["GET", "POST"])
@may_edit
def delete(request: AccountRequest, pk: str) -> HttpResponse:
    """Asks what becomes of the records that still wait: they go out, or are given up."""
    subscription = get_subscription(request, pk)
    waiting = waiting_of(request.account, subscription)
    error = ""
    if request.method == "POST":
        choice, error = _choice(request, subscription, waiting)
        if not error:
            return _delete(request, subscription, choice)
    context = {
        "subscription": subscription,
        "waiting": waiting,
        "error": error,
        "typed": request.POST.get("name", ""),
        "choice": request.POST.get("waiting", "send"),
    }
    return render(request, "subscriptions/delete.html", context, status=UNPROCESSABLE if error else 200)


def _choice(request: AccountRequest, subscription: Subscription, waiting: int) -> tuple[str, str]:
    """What becomes of what waits (`send` or `discard`), and why the form is refused."""
    if not waiting:
        return "send", ""
    choice, typed = request.POST.get("waiting", ""), request.POST.get("name", "").strip()
    if choice not in {"send", "discard"}:
        return "", "Choose what becomes of the records that wait: send them, or give them up."
    if typed != subscription.name:
        return "", f"“{typed}” is not its name. Type {subscription.name}, exactly as it is written."
    return choice, ""


def _delete(request: AccountRequest, subscription: Subscription, choice: str) -> HttpResponse:
    delete_subscription(subscription=subscription, actor=Actor.person(request.user))
    if choice == "discard":
        given_up = discard_waiting(owner=subscription, actor=Actor.person(request.user))
        messages.success(request, f"{subscription.name} is deleted, and {given_up:,} waiting records are given up.")
    else:
        messages.success(request, f"{subscription.name} is deleted. What was routed already still goes out.")
    return redirect("subscriptions:list")
