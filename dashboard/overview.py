"""The figures of the overview: what came in, what became of it, and how everything stands."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Account
from dashboard.attention import attention
from dashboard.subscription_figures import ledger_of
from delivery.charts import DEFAULT_WINDOW, WINDOWS, chart_of
from delivery.models import Delivery, Routing
from delivery.rolling_up import tallies_of
from destinations.listing import Backlog, backlogs_of
from destinations.models import Destination, TestRun
from destinations.standing import standing_of
from events.models import EventBatch
from subscriptions.health import condition_of
from subscriptions.models import Subscription


@dataclass(frozen=True, slots=True)
class Count:
    """How many stand alike; `word`, `tone` and `icon` as components/_pill.html takes them."""

    word: str
    tone: str
    icon: str
    number: int


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the first run."""

    name: str
    is_done: bool


def overview_context(account: Account, range_slug: str) -> dict[str, Any]:
    window = WINDOWS.get(range_slug, DEFAULT_WINDOW)
    start = window.start(timezone.now())
    tallies = tallies_of(account, start)
    places = Destination.objects.light().existing().filter(account=account)
    destinations = list(places.order_by("description", "pk"))
    own = Subscription.objects.light().existing().filter(account=account)
    subscriptions = list(own.order_by("description", "pk"))
    stopped = _stopped_of(destinations)
    backlogs = backlogs_of([place.pk for place in destinations])
    waiting = [backlog for backlog in backlogs.values() if backlog.waiting]
    standings = [standing_of(place, backlogs.get(place.pk, Backlog()).oldest) for place in destinations]
    return {
        "window": window,
        "windows": WINDOWS.values(),
        "chart": chart_of(tallies, window),
        "ledger": ledger_of(tallies, start),
        "events": _events_since(account, start),
        "destinations": destinations,
        "subscriptions": subscriptions,
        "by_standing": _counted(standings),
        "by_condition": _counted([condition_of(each, places=stopped[each.pk]) for each in subscriptions]),
        "waiting": sum(backlog.waiting for backlog in waiting),
        "oldest": min((backlog.oldest for backlog in waiting if backlog.oldest), default=None),
        "items": attention(account, subscriptions, destinations, backlogs),
        "publish_url": f"{settings.API_URL}/events",
        "steps": _steps(account, bool(destinations), bool(subscriptions)),
    }


def _stopped_of(destinations: Sequence[Destination]) -> dict[str, list[Destination]]:
    """By subscription, those of its destinations that are stopped. One query."""
    stopped = {place.pk: place for place in destinations if place.state != Destination.State.ACTIVE}
    found: dict[str, list[Destination]] = defaultdict(list)
    links = Subscription.destinations.through.objects.filter(destination__in=stopped)
    for subscription, place in links.values_list("subscription", "destination"):
        found[subscription].append(stopped[place])
    return found


def _events_since(account: Account, start: datetime) -> int:
    """From the runs, of which there are far fewer than requests; and what is not routed yet."""
    routed = Routing.objects.filter(account=account, routed_at__gte=start).aggregate(total=Sum("events", default=0))
    fresh = EventBatch.objects.filter(account=account, routed_at=None).aggregate(total=Sum("count", default=0))
    return int(routed["total"] + fresh["total"])


def _counted(stands: Sequence[Any]) -> list[Count]:
    """Those that need somebody first."""
    counts = Counter((each.word, each.tone, each.icon) for each in stands)
    order = ["bad", "warn", "held", "ok", "mute"]
    ordered = sorted(counts.items(), key=lambda item: (order.index(item[0][1]), item[0][0]))
    return [Count(word, tone, icon, number) for (word, tone, icon), number in ordered]


def _steps(account: Account, has_destination: bool, has_subscription: bool) -> list[Step]:
    """Empty once something was delivered: the account is on its way."""
    if Delivery.objects.filter(account=account, state=Delivery.State.DELIVERED).exists():
        return []
    tested = has_destination and TestRun.objects.filter(account=account, state=TestRun.State.PASSED).exists()
    return [
        Step("destination", has_destination),
        Step("test", tested),
        Step("subscription", has_subscription),
        Step("event", is_done=False),
    ]
