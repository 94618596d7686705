"""The figures of the overview: what came in, what became of it, and how everything stands."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count as CountOf
from django.db.models import Exists, OuterRef, Sum
from django.utils import timezone

from accounts.models import Account
from dashboard.attention import attention, rows_of
from dashboard.subscription_figures import ledger_bar
from delivery.charts import DEFAULT_WINDOW, WINDOWS, chart_of
from delivery.models import Delivery, Routing
from delivery.rolling_up import tallies_of
from destinations.listing import Backlog, backlogs_of
from destinations.models import Destination, TestRun
from destinations.standing import Look, look_of
from events.models import EventBatch
from subscriptions.health import condition_in
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
    window, now = WINDOWS.get(range_slug, DEFAULT_WINDOW), timezone.now()
    start = window.start(now)
    chart = chart_of(tallies_of(account, start), window)
    backlogs = backlogs_of(Destination.objects.existing().filter(account=account))
    waiting, nothing = [backlog for backlog in backlogs.values() if backlog.waiting], Backlog()
    places = rows_of(account)
    items, more = attention(account, places, backlogs)
    conditions = _conditions(account)
    return {
        "window": window,
        "windows": WINDOWS.values(),
        "chart": chart,
        "ledger": ledger_bar(*chart.decided),
        "events": _events_since(account, start),
        "destinations": len(places),
        "subscriptions": conditions.total(),
        "by_standing": _counted(Counter(look_of(row, backlogs.get(row.pk, nothing).oldest, now) for row in places)),
        "by_condition": _counted(conditions),
        "waiting": sum(backlog.waiting for backlog in waiting),
        "oldest": min((backlog.oldest for backlog in waiting if backlog.oldest), default=None),
        "items": items,
        "more": more,
        "publish_url": f"{settings.API_URL}/events",
        "steps": _steps(account, bool(places), bool(conditions)),
    }


def _conditions(account: Account) -> Counter[Look]:
    """How many subscriptions stand alike. One query."""
    links = Subscription.destinations.through.objects.filter(subscription=OuterRef("pk"), destination__deleted_at=None)
    stopped = links.exclude(destination__state=Destination.State.ACTIVE)
    own = Subscription.objects.existing().filter(account=account).annotate(is_held=Exists(stopped))
    rows = own.order_by().values_list("state", "is_held").annotate(number=CountOf("pk"))
    counts: Counter[Look] = Counter()
    for state, is_held, number in rows:
        condition = condition_in(state, is_held=is_held)
        counts[Look(condition.word, condition.tone, condition.icon)] += number
    return counts


def _events_since(account: Account, start: datetime) -> int:
    """From the runs, of which there are far fewer than requests; and what is not routed yet."""
    routed = Routing.objects.filter(account=account, routed_at__gte=start).aggregate(total=Sum("events", default=0))
    fresh = EventBatch.objects.filter(account=account, routed_at=None).aggregate(total=Sum("count", default=0))
    return int(routed["total"] + fresh["total"])


def _counted(counts: Counter[Look]) -> list[Count]:
    """Those that need somebody first."""
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
