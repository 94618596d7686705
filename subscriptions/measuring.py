"""Reading an account's stored events into trials: newest first, within a budget, telling the figures as they come.

The first figures are those of the newest events, before anything is counted. Then the window is counted, and all of
it is read, or past the budget batches spread evenly over it.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import F, IntegerField, QuerySet, Sum
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from accounts.models import Account
from events.envelope import Envelope
from events.models import EventBatch
from events.stored import sized_events
from subscriptions.backtest_figures import MONTH_DAYS, DestinationReading, Reading
from subscriptions.pricing import PricedDestination
from subscriptions.trial import Trial

WINDOWS: Mapping[str, timedelta | None] = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "all": None}
# Decoded and filtered at once: many single events or one large batch.
PORTION_EVENTS = 1000
# Rows fetched at once; large batches would fill the memory.
FETCHED_BATCHES = 100
# How far a sample may pass its budget when its batches are larger than on average.
OVERSHOOT = 1.5
MINUTE_SECONDS = 60.0

Blob = tuple[int, str, bytes]


@dataclass(frozen=True, slots=True)
class Budget:
    """`report_seconds` lie between two reports, at which a run also learns that it is cancelled."""

    events: int = 100_000
    seconds: float = 5.0
    report_seconds: float = 0.25


def measure(
    account: Account,
    trials: Sequence[Trial],
    window: str,
    destinations: Sequence[PricedDestination] = (),
    budget: Budget | None = None,
    report: Callable[[Reading], bool] = lambda _: True,
) -> Reading:
    """Read the window's events into the trials. `report` gets each reading and stops the run by False."""
    return _Measuring(account, trials, window, destinations, budget or Budget()).run(report)


class _Measuring:
    def __init__(
        self,
        account: Account,
        trials: Sequence[Trial],
        window: str,
        destinations: Sequence[PricedDestination],
        budget: Budget,
    ) -> None:
        self._trials = {trial.event_type.name: trial for trial in trials}
        self._destinations = destinations
        self._budget = budget
        self._started = time.perf_counter()
        now = timezone.now()
        length = WINDOWS[window] or timedelta(days=account.payload_retention_days)
        kept = EventBatch.objects.filter(account=account).exclude(payload=None)
        self._span_seconds = _span_seconds(kept, now - length, now)
        in_window = kept.filter(accepted_at__gte=now - length, types__has_any_keys=list(self._trials))
        self._batches = in_window.order_by("-accepted_at", "-pk")
        self._total = 0
        self._is_counted = self._is_sampled = False

    def run(self, report: Callable[[Reading], bool]) -> Reading:
        if not report(self._peek()):
            return self._reading(is_complete=False)
        self._total = self._count()
        self._is_counted = True
        self._is_sampled = self._total > self._budget.events
        reported = self._elapsed
        for portion in self._portions(self._chosen()):
            self._take(portion)
            if self._elapsed - reported >= self._budget.report_seconds:
                reported = self._elapsed
                if not report(self._reading(is_complete=False)):
                    return self._reading(is_complete=False)
            if self._elapsed > self._budget.seconds or self._examined > OVERSHOOT * self._budget.events:
                self._is_sampled = self._examined < self._total
                break
        reading = self._reading(is_complete=True)
        report(reading)
        return reading

    @property
    def _elapsed(self) -> float:
        return time.perf_counter() - self._started

    @property
    def _examined(self) -> int:
        return sum(trial.examined for trial in self._trials.values())

    def _peek(self) -> Reading:
        """The newest events, not counted towards the run: a sample must not lean towards them."""
        trials = self._trials
        self._trials = {name: trial.fresh() for name, trial in trials.items()}
        self._take(next(self._portions(self._batches), []))
        reading = self._reading(is_complete=False)
        self._trials = trials
        return reading

    def _count(self) -> int:
        """Events of the trials' types in the window, from the batches' own counts."""
        sums = {
            f"count_{index}": Coalesce(Sum(Cast(KeyTransform(name, "types"), IntegerField())), 0)
            for index, name in enumerate(self._trials)
        }
        return sum(self._batches.order_by().aggregate(**sums).values())

    def _chosen(self) -> "QuerySet[EventBatch]":
        """All batches, or every so-manieth."""
        if not self._is_sampled:
            return self._batches
        stride = -(-self._total // self._budget.events)
        sample = self._batches.annotate(turn=F("pk") % stride).filter(turn=0)
        # Few large batches may leave none: then the newest are the sample.
        return sample if sample.exists() else self._batches

    def _portions(self, batches: "QuerySet[EventBatch]") -> Iterator[list[Blob]]:
        portion: list[Blob] = []
        waiting = 0
        for count, encoding, payload in batches.values_list("count", "encoding", "payload").iterator(FETCHED_BATCHES):
            portion.append((count, encoding, bytes(payload or b"")))
            waiting += count
            if waiting >= PORTION_EVENTS:
                yield portion
                portion, waiting = [], 0
        if portion:
            yield portion

    def _take(self, portion: Sequence[Blob]) -> None:
        # Oldest first, as trials take them.
        events, sizes = sized_events((encoding, payload) for _, encoding, payload in reversed(portion))
        by_type: dict[str, tuple[list[Envelope], list[int]]] = defaultdict(lambda: ([], []))
        for event, size in zip(events, sizes, strict=True):
            of_type = by_type[event.event_type]
            of_type[0].append(event)
            of_type[1].append(size)
        for name, trial in self._trials.items():
            if name in by_type:
                trial.take(*by_type[name])

    def _reading(self, *, is_complete: bool) -> Reading:
        total = max(self._total, self._examined)
        reading = Reading(
            total=total,
            expected=min(total, self._budget.events),
            span_seconds=self._span_seconds,
            is_counted=self._is_counted,
            is_sampled=self._is_sampled,
            is_complete=is_complete,
            took_ms=round(self._elapsed * 1000),
            sources=tuple(trial.reading() for trial in self._trials.values()),
        )
        if not self._is_counted:
            return reading
        return replace(reading, destinations=tuple(self._priced(each, reading) for each in self._destinations))

    def _priced(self, destination: PricedDestination, reading: Reading) -> DestinationReading:
        plain = DestinationReading(destination.id, destination.name, destination.target)
        price = destination.price
        if price is None:
            return plain
        counted = sum(trial.counted[price.counting] for trial in self._trials.values())
        monthly = reading.per_day * MONTH_DAYS
        return replace(
            plain,
            price=price.of(reading.matched * monthly, counted * monthly),
            currency=price.currency,
            basis=price.basis,
            source=price.source,
            as_of=price.as_of.isoformat(),
            is_own_price=price.is_own,
        )


def _span_seconds(kept: "QuerySet[EventBatch]", since: datetime, now: datetime) -> float:
    """How long the window really is: an account whose first event came 10 min ago has no day to speak of."""
    if kept.filter(accepted_at__lt=since).exists():
        return (now - since).total_seconds()
    oldest = kept.filter(accepted_at__gte=since).order_by("accepted_at").values_list("accepted_at", flat=True).first()
    if oldest is None:
        return 0.0
    # A minute at least: the first events of an account say little about its month.
    return max(MINUTE_SECONDS, (now - oldest).total_seconds())
