"""The list of destinations: found, filtered, a page at a time, with what waits for each."""

from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, FilteredRelation, Min, Q, QuerySet, Sum
from django.db.models.expressions import Combinable

from accounts.models import Account
from destinations.models import Destination
from destinations.standing import Standing, standing_of
from destinations.targets import all_targets

PAGE_SIZE = 50
STATES = {
    "active": "Delivering or idle",
    "retrying": "Retrying",
    "paused": "Paused",
    "blocked": "Blocked",
}


@dataclass(frozen=True, slots=True)
class Backlog:
    """Records that wait for a destination, and when the oldest of them was routed."""

    waiting: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    destination: Destination
    standing: Standing
    backlog: Backlog
    used_by: int


def find_destinations(account: Account, text: str = "", state: str = "") -> QuerySet[Destination]:
    """By name, kind of target or ID, ordered by name; `state` is a key of STATES."""
    found = Destination.objects.light().existing().filter(account=account)
    # PostgreSQL takes no U+0000, and no name has one.
    text = text.replace("\0", "")
    if text:
        kinds = [slug for slug, target in all_targets().items() if text.lower() in target.label.lower()]
        found = found.filter(Q(description__icontains=text) | Q(target__in=kinds) | Q(pk=text))
    if state in STATES:
        found = found.filter(state=Destination.State.ACTIVE if state == "retrying" else state)
    if state in {"active", "retrying"}:
        found = (
            found.filter(consecutive_failures__gt=0) if state == "retrying" else found.filter(consecutive_failures=0)
        )
    return found.order_by("description", "pk")


def page_of(destinations: QuerySet[Destination], number: str) -> Page[Destination]:
    return Paginator(destinations, PAGE_SIZE).get_page(number)


def rows_of(page: Page[Destination]) -> list[Row]:
    keys = [destination.pk for destination in page.object_list]
    backlogs = backlogs_of(Destination.objects.filter(pk__in=keys))
    used_by = dict(
        Destination.objects.filter(pk__in=keys)
        .values_list("pk")
        .annotate(number=Count("subscriptions", filter=Q(subscriptions__deleted_at=None)))
    )
    return [
        Row(destination, standing_of(destination, backlog.oldest), backlog, used_by.get(destination.pk, 0))
        for destination in page.object_list
        for backlog in [backlogs.get(destination.pk, Backlog())]
    ]


def backlogs_of(destinations: QuerySet[Destination]) -> dict[str, Backlog]:
    """Deliveries are of a higher room and known only by their relation; destinations without any are left out."""
    settled = ("delivered_count", "dead_count", "discarded_count", "moved_count")
    waiting: Combinable = F("open__count")
    for name in settled:
        waiting -= F(f"open__{name}")
    rows = (
        destinations.annotate(open=FilteredRelation("deliveries", condition=Q(deliveries__state="waiting")))
        # Not exclude(open=None), which asks for every delivery once more.
        .filter(open__isnull=False)
        .values_list("pk")
        .annotate(waiting=Sum(waiting), oldest=Min("open__routed_at"))
    )
    return {pk: Backlog(number, oldest) for pk, number, oldest in rows}
