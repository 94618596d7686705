"""How a destination fares, in the few figures that its page and the lists show."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.db.models import DurationField, ExpressionWrapper, F, Min, Q, QuerySet, Sum
from django.utils import timezone

from delivery.models import Attempt, AttemptPart, Delivery, DeliveryQuerySet, Tally
from destinations.models import Destination
from destinations.outcome import Outcome

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
# What percentiles and answers are read from: enough for two digits, and the same cost for every destination.
LATEST_ATTEMPTS = 2000
LATEST_ARRIVALS = 500

WAITING = F("count") - F("delivered_count") - F("dead_count") - F("discarded_count") - F("moved_count")

# Tone and icon of an answer, as templates/components/_pill.html takes them.
LOOKS = {
    Outcome.DELIVERED: ("ok", "check-circle"),
    Outcome.PARTIAL: ("warn", "exclamation-triangle"),
    Outcome.RETRY: ("warn", "arrow-path"),
    Outcome.CONFIGURATION: ("bad", "no-symbol"),
    Outcome.TOO_LARGE: ("warn", "scissors"),
    Outcome.REFUSED: ("bad", "x-circle"),
}


@dataclass(frozen=True, slots=True)
class Health:
    """`delivered` of records routed in the last 24 h, `dead` in the last 7 days; what waits now, and since when."""

    delivered: int
    dead: int
    waiting: int
    waiting_bytes: int
    oldest_waiting: datetime | None
    first_loss_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Calls of one destination that were answered alike; durations in milliseconds."""

    outcome: str
    code: str
    calls: int
    p50: int
    p99: int

    @property
    def words(self) -> str:
        """Short: "ResourceNotFound", as every code of AWS ends with "Exception"."""
        if self.outcome == Outcome.PARTIAL:
            return f"{self.code}, part refused"
        return self.code.removesuffix("Exception") or self.outcome.replace("_", " ").capitalize()

    @property
    def tone(self) -> str:
        return LOOKS[Outcome(self.outcome)][0]

    @property
    def icon(self) -> str:
        return LOOKS[Outcome(self.outcome)][1]


def waiting_for(destination: Destination) -> DeliveryQuerySet:
    """What waits for a destination.

    A subquery gives its ID, so that PostgreSQL plans without knowing it: for one that most deliveries are for it would
    expect as large a share of what waits, and so read everything that waits for anybody.
    """
    itself = Destination.objects.filter(pk=destination.pk).values("pk")[:1]
    return Delivery.objects.waiting().filter(destination=itself)


def health_of(destination: Destination) -> Health:
    now = timezone.now()
    sent = Tally.objects.filter(destination=destination, minute__gte=now - WEEK).aggregate(
        delivered=Sum("delivered", filter=Q(minute__gte=now - DAY), default=0), dead=Sum("dead", default=0)
    )
    waiting = waiting_for(destination).aggregate(
        waiting=Sum(WAITING, default=0), waiting_bytes=Sum("bytes", default=0), oldest=Min("routed_at")
    )
    oldest = waiting.pop("oldest")
    first_loss = oldest + destination.holds_for if oldest else None
    return Health(**sent, **waiting, oldest_waiting=oldest, first_loss_at=first_loss)


def answers_of(destination: Destination) -> list[Answer]:
    """The latest calls of the last 24 h by what the service said, the most frequent first."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    rows = _calls_of_a_day(destination).values_list("outcome", "code", "duration_ms")[:LATEST_ATTEMPTS]
    for outcome, code, duration in rows:
        groups[outcome, code].append(duration)
    answers = [
        Answer(outcome, code, len(durations), percentile(durations, 50), percentile(durations, 99))
        for (outcome, code), durations in groups.items()
    ]
    return sorted(answers, key=lambda answer: (-answer.calls, answer.code))


def _calls_of_a_day(destination: Destination) -> QuerySet[Attempt]:
    calls = Attempt.objects.filter(destination=destination, started_at__gte=timezone.now() - DAY)
    return calls.order_by("-started_at")


def arrival_times_of(destination: Destination) -> tuple[int, int] | None:
    """Milliseconds from routing to arrival, p50 and p99, of what the latest calls of the last 24 h delivered.

    By the calls: where nothing arrives any more, a search among deliveries would read all there are.
    """
    latest = _calls_of_a_day(destination).filter(outcome__in=[Outcome.DELIVERED, Outcome.PARTIAL])
    calls = list(latest.values_list("pk", flat=True)[:LATEST_ARRIVALS])
    arrived = Delivery.objects.filter(
        pk__in=AttemptPart.objects.filter(attempt__in=calls).values("delivery"), state=Delivery.State.DELIVERED
    )
    # Subtracted there: two times of each take longer to read than all the rest of the page.
    took_each = ExpressionWrapper(F("settled_at") - F("routed_at"), output_field=DurationField())
    times = arrived.exclude(settled_at=None).values_list(took_each, flat=True)
    took = [round(each.total_seconds() * 1000) for each in times]
    return (percentile(took, 50), percentile(took, 99)) if took else None


def percentile(values: Sequence[int], percent: int) -> int:
    """The smallest value that `percent` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(ceil(len(ordered) * percent / 100) - 1, 0)]
