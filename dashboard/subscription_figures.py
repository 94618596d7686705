"""What became of a subscription's events: sums of the tallies, what waits now, and when something last arrived."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import Q, Sum
from django.db.models.functions import ExtractHour

from accounts.models import Account
from delivery.health import WAITING
from delivery.models import Delivery, Origin, Tally
from destinations.models import Destination
from subscriptions.models import Subscription

HOURS = 24
SPARK_WIDTH, SPARK_HEIGHT, BAR_WIDTH = 112, 24, 3.6
BAR_LENGTH, BAR_GAP, BAR_LEAST = 600, 2, 3


@dataclass(slots=True)
class Figures:
    """Of the last 24 clock hours, by the minute of routing; `by_hour` is (matched, dead), the oldest hour first."""

    matched: int = 0
    undecided: int = 0
    by_hour: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)] * HOURS)


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of the sparkline as one SVG path, 112 by 24 units; `kind` is bad for hours in which records died."""

    kind: str
    path: str


def spark(figures: Figures) -> list[Bars]:
    """A bar an hour, to a scale of its own; an hour without events keeps a base line of one unit."""
    top = max(matched for matched, _ in figures.by_hour) or 1
    step = SPARK_WIDTH / HOURS
    paths = {"ok": "", "bad": ""}
    for index, (matched, dead) in enumerate(figures.by_hour):
        height = max(1.0, round(SPARK_HEIGHT * matched / top, 1))
        x = round(index * step, 2)
        paths["bad" if dead else "ok"] += f"M{x} {SPARK_HEIGHT}v-{height}h{BAR_WIDTH}v{height}z"
    return [Bars(kind, path) for kind, path in paths.items() if path]


def window_start(now: datetime) -> datetime:
    """`now` in UTC, as timezone.now() is."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)


def matched_by_subscription(account: Account, now: datetime) -> dict[str, int]:
    """For sorting a whole list."""
    rows = Tally.objects.filter(account=account, minute__gte=window_start(now)).values("subscription")
    return dict(rows.annotate(total=Sum("matched")).values_list("subscription", "total"))


def figures_of(subscriptions: Sequence[Subscription], now: datetime) -> dict[str, Figures]:
    """Two queries, however many subscriptions."""
    found = {subscription.pk: Figures() for subscription in subscriptions}
    tallies = Tally.objects.filter(subscription__in=list(found))
    start = window_start(now)
    # The hour of the day tells which of the 24 it is, and a number is read much quicker than a time.
    hours = tallies.filter(minute__gte=start).annotate(hour=ExtractHour("minute", tzinfo=UTC))
    sums = hours.values("subscription", "hour").annotate(all_matched=Sum("matched"), all_dead=Sum("dead"))
    for pk, hour, matched, dead in sums.values_list("subscription", "hour", "all_matched", "all_dead"):
        found[pk].matched += matched
        found[pk].by_hour[(hour - start.hour) % HOURS] = (matched, dead)
    undecided = tallies.exclude(undecided=0).values("subscription").annotate(total=Sum("undecided"))
    for pk, total in undecided.values_list("subscription", "total"):
        found[pk].undecided = total
    return found


def waiting_of(account: Account, subscription: Subscription) -> int:
    """Records that wait for any destination, also one that the subscription has no more."""
    # By the account's destinations: only that way does an index hold what waits.
    waiting = Delivery.objects.waiting().filter(destination__account=account, subscription=subscription)
    return int(waiting.aggregate(total=Sum(WAITING, default=0))["total"])


@dataclass(frozen=True, slots=True)
class PlaceFigures:
    """Records of one subscription for one destination, routed in the window; `waiting` is all that waits now.

    `replayed` are those of the delivered ones that had been matched before.
    """

    destination: Destination
    delivered: int = 0
    replayed: int = 0
    dead: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class LedgerBar:
    """Events of the subscription's types, which are matched, filtered or undecided, and the bar of them."""

    matched: int
    filtered: int
    undecided: int
    parts: Sequence[tuple[str, float, float]]

    @property
    def total(self) -> int:
        return self.matched + self.filtered + self.undecided

    @property
    def sentence(self) -> str:
        return f"{self.matched:,} of {self.total:,} events matched, {self.filtered:,} filtered."


def ledger_of(subscription: Subscription, now: datetime) -> LedgerBar:
    """Of the last 24 clock hours."""
    tallies = Tally.objects.filter(subscription=subscription, minute__gte=window_start(now))
    sums = tallies.aggregate(**{name: Sum(name, default=0) for name in ("matched", "filtered", "undecided")})
    return ledger_bar(**sums)


def ledger_bar(matched: int, filtered: int, undecided: int) -> LedgerBar:
    counts = [("accent", matched), ("warn", undecided), ("filtered", filtered)]
    return LedgerBar(matched, filtered, undecided, bar_parts(counts))


def bar_parts(counts: Sequence[tuple[str, int]]) -> list[tuple[str, float, float]]:
    """(kind, x, width) of a bar 600 units long, with gaps of 2; what is there is at least 3 wide."""
    shown = [(kind, count) for kind, count in counts if count > 0]
    total = sum(count for _, count in shown)
    room = BAR_LENGTH - BAR_GAP * (len(shown) - 1) - BAR_LEAST * len(shown)
    parts, x = [], 0.0
    for kind, count in shown:
        width = round(BAR_LEAST + room * count / total, 1)
        parts.append((kind, round(x, 1), width))
        x += width + BAR_GAP
    return parts


def places_of(subscription: Subscription, now: datetime) -> list[PlaceFigures]:
    """By destination, those it has now. Two queries; needs `destinations` prefetched."""
    tallies = Tally.objects.filter(subscription=subscription, minute__gte=window_start(now)).exclude(destination=None)
    sums = tallies.values("destination").annotate(
        all_delivered=Sum("delivered", default=0),
        all_replayed=Sum("delivered", filter=Q(origin=Origin.REPLAY), default=0),
        all_dead=Sum("dead", default=0),
    )
    sent = {pk: counts for pk, *counts in sums.values_list("destination", "all_delivered", "all_replayed", "all_dead")}
    chosen = list(subscription.destinations.all())
    # By a subquery, for the reason that delivery.health.waiting_for gives.
    linked = Destination.objects.filter(subscriptions=subscription).values("pk")
    waiting = Delivery.objects.waiting().filter(destination__in=linked, subscription=subscription)
    held = dict(waiting.values("destination").annotate(total=Sum(WAITING)).values_list("destination", "total"))
    figures = []
    for place in chosen:
        delivered, replayed, dead = sent.get(place.pk, (0, 0, 0))
        figures.append(PlaceFigures(place, delivered, replayed, dead, held.get(place.pk, 0)))
    return figures
