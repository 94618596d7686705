"""Deliveries found by what a person chose: state, subscription, destination, time, or the ID of one thing."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from urllib.parse import urlencode

from django.db.models import Max, Min, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import Account
from common.ids import is_id
from delivery.choosing import Choosing, choosings
from delivery.models import Attempt, AttemptPart, DeadLetter, Delivery, RoutedBatch, Routing
from destinations.models import Destination
from subscriptions.models import Subscription

STOPPED = Q(destination__state__in=[Destination.State.PAUSED, Destination.State.BLOCKED]) | Q(
    subscription__state=Subscription.State.PAUSED
)
WAITING = Q(state=Delivery.State.WAITING)
# What a person may choose: slug to (word, condition).
STATES: Mapping[str, tuple[str, Q]] = {
    "waiting": ("Waiting, in all", WAITING),
    "held": ("Held", WAITING & STOPPED),
    "retrying": ("Retrying", WAITING & Q(attempts__gt=0) & ~STOPPED),
    "delivered": ("Delivered", Q(state=Delivery.State.DELIVERED)),
    "refused": ("With refused records", Q(dead_count__gt=0)),
    "dead": ("Dead", Q(state=Delivery.State.DEAD)),
    "discarded": ("Discarded", Q(state=Delivery.State.DISCARDED)),
    "moved": ("Moved", Q(state=Delivery.State.MOVED)),
}
# Few among all that went out, and an index holds them.
OPEN = frozenset({"waiting", "held", "retrying"})
LONGEST_RUN = timedelta(hours=1)
# Some had nothing for any subscription.
RUNS_ASKED = 20
LARGEST_KEY = 2**63 - 1
# What a row of the list needs: of all columns of three tables, most of the time would go into reading times and JSON.
SHOWN = (
    *("routed_at", "count", "delivered_count", "dead_count", "discarded_count", "moved_count"),
    *("state", "attempts", "next_attempt_at", "subscription__description", "subscription__state"),
    *("destination__description", "destination__target", "destination__config"),
    *("destination__state", "destination__retry_at"),
)
FORMAT = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True, slots=True)
class Search:
    """What was asked for; values that make no sense are left out. Times are in the person's zone."""

    text: str = ""
    state: str = ""
    subscription: str = ""
    destination: str = ""
    start: datetime | None = None
    end: datetime | None = None
    faults: tuple[str, ...] = field(default=())

    @property
    def start_text(self) -> str:
        return timezone.localtime(self.start).strftime(FORMAT) if self.start else ""

    @property
    def end_text(self) -> str:
        return timezone.localtime(self.end).strftime(FORMAT) if self.end else ""

    @property
    def query(self) -> dict[str, str]:
        """As a query string holds it."""
        values = {
            "q": self.text,
            "state": self.state,
            "subscription": self.subscription,
            "destination": self.destination,
            "from": self.start_text,
            "to": self.end_text,
        }
        return {name: value for name, value in values.items() if value}

    def without(self, name: str) -> str:
        """The address that goes without one choice."""
        return "?" + urlencode({key: value for key, value in self.query.items() if key != name})


def read_search(query: Mapping[str, str], account: Account) -> Search:
    """Subscription and destination by their IDs or names; a name that does not name one is a fault."""
    state = query.get("state", "")
    start, start_fault = _time(query.get("from", ""))
    end, end_fault = _time(query.get("to", ""))
    faults = [fault for fault in (start_fault, end_fault) if fault]
    if start and end and start >= end:
        faults.append("The end is not after the beginning, so nothing can lie between them.")
    chosen = {}
    for choosing in choosings(account):
        chosen[choosing.noun], fault = _chosen(choosing, query.get(choosing.noun, ""))
        faults += [fault] if fault else []
    return Search(
        text=query.get("q", "").strip().replace("\0", "")[:100],
        state=state if state in STATES else "",
        subscription=chosen["subscription"],
        destination=chosen["destination"],
        start=start,
        end=end,
        faults=tuple(faults),
    )


def chips_of(account: Account, search: Search, fixed: Container[str] = ()) -> list[tuple[str, str]]:
    """What narrows the list, in words, and the address without it; not what the page is about anyway."""
    words = {"q": f"ID: {search.text}", "from": f"from: {search.start_text}", "to": f"to: {search.end_text}"}
    if search.state:
        words["state"] = f"state: {STATES[search.state][0]}"
    shown = [name for name in search.query if name not in fixed]
    for name, own in (("subscription", Subscription.objects.light()), ("destination", Destination.objects.light())):
        if name in shown:
            pk = search.query[name]
            found = own.filter(account=account, pk=pk).first()
            words[name] = f"{name}: {found.name if found else pk}"
    return [(words[name], search.without(name)) for name in shown]


def find_deliveries(account: Account, search: Search) -> QuerySet[Delivery]:
    found = Delivery.objects.filter(account=account)
    if search.state:
        found = found.filter(STATES[search.state][1])
    if search.subscription:
        found = found.filter(subscription=search.subscription)
    if search.destination:
        found = found.filter(destination=search.destination)
    if search.start:
        found = found.filter(routed_at__gte=search.start)
    if search.end:
        found = found.filter(routed_at__lt=search.end)
    if search.start or search.end:
        found = found.filter(_keys_of(account, search))
    if search.text:
        found = found.filter(_by_id(account, search.text))
    return found.select_related("subscription", "destination").only(*SHOWN)


def _keys_of(account: Account, search: Search) -> Q:
    """Within which keys a stretch of time lies: a page by key would otherwise walk to it from the newest.

    Keys grow with time, as a delivery is written in the transaction that routes it; runs that are farther away than
    one ever takes are the bounds.
    """
    runs, found = Routing.objects.filter(account=account), Q()
    if search.start:
        older = runs.filter(routed_at__lt=search.start - LONGEST_RUN).order_by("-routed_at")
        if (last := _keys_in(older)[1]) is not None:
            found &= Q(pk__gt=last)
    if search.end:
        newer = runs.filter(routed_at__gte=search.end + LONGEST_RUN).order_by("routed_at")
        if (first := _keys_in(newer)[0]) is not None:
            found &= Q(pk__lt=first)
    return found


def _keys_in(runs: QuerySet[Routing]) -> tuple[int | None, int | None]:
    """The first and last key of the deliveries of a few runs; None where they have none."""
    near = list(runs.values_list("pk", flat=True)[:RUNS_ASKED])
    keys = Delivery.objects.filter(routing__in=near).aggregate(first=Min("pk"), last=Max("pk"))
    return keys["first"], keys["last"]


def _by_id(account: Account, text: str) -> Q:
    """A delivery's number, an event's ID, else what a service gave as the ID of a request."""
    if text.isdecimal():
        return Q(pk=int(text)) if int(text) <= LARGEST_KEY else Q(pk__in=[])
    if is_id(text, "ev"):
        return _with_event(account, text)
    attempts = Attempt.objects.filter(destination__account=account, request_id=text)
    return Q(pk__in=AttemptPart.objects.filter(attempt__in=attempts).values("delivery"))


def _with_event(account: Account, event_id: str) -> Q:
    """Those of the run that routed its batch, for subscriptions that matched; and the one in which it died."""
    routed = RoutedBatch.objects.filter(
        event_batch__account=account,
        event_batch__first_event_id__lte=event_id,
        event_batch__last_event_id__gte=event_id,
    )
    # Keys instead of two conditions: an index serves one of them, but not either.
    keys = list(DeadLetter.objects.filter(account=account, event_id=event_id).values_list("delivery", flat=True))
    for batch in routed.only("routing_id", "outcome")[:1]:
        matched = [part["subscription"] for part in batch.outcome if part["matched"]]
        keys += Delivery.objects.filter(routing=batch.routing_id, subscription__in=matched).values_list("pk", flat=True)
    return Q(pk__in=keys)


def add_last_attempts(deliveries: list[Delivery]) -> None:
    """Set `last_attempt` on each: the newest call that carried a part of it, or None. Two queries."""
    newest = AttemptPart.objects.filter(delivery=OuterRef("pk")).order_by("-pk").values("attempt")[:1]
    keys = dict(
        Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries])
        .annotate(newest=Subquery(newest))
        .values_list("pk", "newest")
    )
    attempts = Attempt.objects.only("duration_ms", "code").in_bulk([key for key in keys.values() if key])
    for delivery in deliveries:
        delivery.last_attempt = attempts.get(keys[delivery.pk] or 0)  # type: ignore[attr-defined]


def add_next_times(deliveries: list[Delivery]) -> None:
    """Set `next_at` on those that wait and are not stopped by a person: when they are tried again at the soonest."""
    now = timezone.now()
    for delivery in deliveries:
        place = delivery.destination
        times = [now, delivery.next_attempt_at, *([place.retry_at] if place.retry_at else [])]
        stopped = place.state == Destination.State.PAUSED or delivery.subscription.state == Subscription.State.PAUSED
        waits = delivery.state == Delivery.State.WAITING
        delivery.next_at = max(times) if waits and not stopped else None  # type: ignore[attr-defined]


def by_day(deliveries: list[Delivery]) -> list[tuple[datetime, list[Delivery]]]:
    """Neighbours of one local day, each group under the time of its first."""
    groups = groupby(deliveries, key=lambda delivery: timezone.localdate(delivery.routed_at))
    return [(rows[0].routed_at, rows) for _, group in groups for rows in [list(group)]]


def _chosen(choosing: Choosing, text: str) -> tuple[str, str]:
    """The ID, and what is wrong with the text. An ID may be of what is deleted: its deliveries are still there."""
    if is_id(text, choosing.prefix):
        return text, ""
    found, fault = choosing.read(text)
    return found.pk if found else "", fault


def _time(text: str) -> tuple[datetime | None, str]:
    if not text:
        return None, ""
    try:
        read = parse_datetime(text)
    except ValueError:
        read = None
    if read is None:
        return None, f"“{text[:40]}” is not a time such as 2026-11-22T14:00."
    return (timezone.make_aware(read) if timezone.is_naive(read) else read), ""
