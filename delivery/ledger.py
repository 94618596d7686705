"""The ledger: does every event's fate add up? Proven from the rows, not from the tallies alone.

Per subscription and revision: events of its types = matched + filtered + undecided.
Per origin and destination: fan-out = delivered + waiting + dead + discarded + moved.
Held records are waiting ones whose destination or subscription is stopped.
"""

import base64
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from django.db.models import Count, Model, QuerySet, Sum

from common import bitmap
from common.clock import database_now
from delivery.models import AttemptPart, DeadLetter, Delivery, RoutedBatch, Routing, Tally
from delivery.retention import outcome_horizon
from events.models import EventBatch

M = TypeVar("M", bound=Model)

CHUNK = 2000
FATES = ("delivered", "dead", "discarded", "moved")


@dataclass(frozen=True, slots=True)
class Totals:
    """What the check went over, for the line at its end."""

    events: int
    unrouted: int
    matched: int
    filtered: int
    undecided: int
    fan_out: int
    delivered: int
    waiting: int
    dead: int
    discarded: int
    moved: int


@dataclass(frozen=True, slots=True)
class Scope:
    """One account or all, and the minutes of routing from `start` up to `end`."""

    account_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None

    def narrow(self, queryset: QuerySet, time_field: str) -> QuerySet:  # type: ignore[type-arg]
        if self.account_id:
            queryset = queryset.filter(account_id=self.account_id)
        if self.start:
            queryset = queryset.filter(**{f"{time_field}__gte": self.start})
        if self.end:
            queryset = queryset.filter(**{f"{time_field}__lt": self.end})
        return queryset


def faults(scope: Scope) -> Iterator[str]:
    """Every way in which the books do not close, as sentences; none when they do.

    Where deliveries are pruned by now, the tallies are checked by themselves: nothing waits there any more.
    """
    horizon = outcome_horizon(database_now())
    if scope.start is None or scope.start < horizon:
        yield from _pruned_faults(replace(scope, end=min(scope.end or horizon, horizon)))
        scope = replace(scope, start=horizon)
    yield from _outcome_faults(scope)
    yield from _delivery_faults(scope)
    yield from _fan_out_faults(scope)
    yield from _tally_faults(scope)


def totals(scope: Scope) -> Totals:
    batches = scope.narrow(EventBatch.objects.all(), "accepted_at")
    tally = scope.narrow(Tally.objects.all(), "minute").aggregate(
        **{name: Sum(name, default=0) for name in ("matched", "filtered", "undecided", "fan_out", *FATES)}
    )
    waiting = scope.narrow(Delivery.objects.waiting(), "routed_at").aggregate(
        count=Sum("count", default=0), **{name: Sum(f"{name}_count", default=0) for name in FATES}
    )
    return Totals(
        events=batches.aggregate(total=Sum("count", default=0))["total"],
        unrouted=batches.filter(routed_at=None).aggregate(total=Sum("count", default=0))["total"],
        waiting=waiting["count"] - sum(waiting[name] for name in FATES),
        **tally,
    )


def _in_chunks(rows: QuerySet[M]) -> Iterator[list[M]]:
    """All of them by their keys, so many at once that memory stays the same however many there are."""
    last = 0
    while chunk := list(rows.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def _routed_batches(scope: Scope) -> QuerySet[RoutedBatch]:
    queryset = RoutedBatch.objects.select_related("event_batch").defer("event_batch__payload")
    if scope.account_id:
        queryset = queryset.filter(routing__account_id=scope.account_id)
    if scope.start:
        queryset = queryset.filter(routing__routed_at__gte=scope.start)
    if scope.end:
        queryset = queryset.filter(routing__routed_at__lt=scope.end)
    return queryset


def _outcome_faults(scope: Scope) -> Iterator[str]:
    """Each batch that is marked routed has an outcome, and each outcome's bitmap says what its figures say."""
    routed = scope.narrow(EventBatch.objects.exclude(routed_at=None), "routed_at")
    for pk in routed.filter(routed=None).values_list("pk", flat=True):
        yield f"Event batch {pk} is marked as routed but has no outcome."
    for row in _routed_batches(scope).iterator(chunk_size=500):
        total = sum(row.event_batch.types.values())
        if total != row.event_batch.count:
            yield f"Event batch {row.event_batch_id} counts {row.event_batch.count} events, its types {total}."
        for part in row.outcome:
            matched = bitmap.count(base64.b64decode(part["matched_bits"]))
            decided = part["of_types"] - part["undecided"]
            if matched != part["matched"] or matched > decided or part["of_types"] > row.event_batch.count:
                yield (
                    f"Event batch {row.event_batch_id}, subscription {part['subscription']}: {part['of_types']} events "
                    f"of its types, {part['matched']} matched by count, {matched} by bitmap, "
                    f"{part['undecided']} undecided."
                )


def _delivery_faults(scope: Scope) -> Iterator[str]:
    """Each delivery's own figures agree with its bitmap, its attempts and its dead letters."""
    deliveries = scope.narrow(Delivery.objects.all(), "routed_at").defer("payload")
    for pk in deliveries.filter(state=Delivery.State.WAITING, payload=None).values_list("pk", flat=True):
        yield f"Delivery {pk} waits without a payload."
    for chunk in _in_chunks(deliveries):
        yield from _faults_of(chunk)


def _faults_of(deliveries: Sequence[Delivery]) -> Iterator[str]:
    dead = dict(
        DeadLetter.objects.filter(delivery__in=deliveries)
        .values_list("delivery")
        .annotate(number=Count("pk"))
        .order_by()
    )
    sent = dict(
        AttemptPart.objects.filter(delivery__in=deliveries)
        .values_list("delivery")
        .annotate(number=Sum("delivered"))
        .order_by()
    )
    for delivery in deliveries:
        open_now = delivery.count if delivery.remaining is None else bitmap.count(delivery.remaining)
        if delivery.state != Delivery.State.WAITING:
            open_now = 0
        if open_now != delivery.waiting_count:
            yield f"Delivery {delivery.pk}: {delivery.waiting_count} records wait by count, {open_now} by bitmap."
        if delivery.dead_count != (letters := dead.get(delivery.pk, 0)):
            yield f"Delivery {delivery.pk}: {delivery.dead_count} dead by count, {letters} dead letters."
        if delivery.delivered_count != (settled := sent.get(delivery.pk, 0)):
            yield f"Delivery {delivery.pk}: {delivery.delivered_count} delivered by count, {settled} by attempts."
        is_waiting = delivery.state == Delivery.State.WAITING
        if is_waiting != (delivery.waiting_count > 0):
            yield f"Delivery {delivery.pk} is {delivery.state} with {delivery.waiting_count} records waiting."


def _fan_out_faults(scope: Scope) -> Iterator[str]:
    """What matched became deliveries, run by run."""
    for runs in _in_chunks(scope.narrow(Routing.objects.all(), "routed_at")):
        yield from _faults_of_runs(runs)


def _faults_of_runs(runs: Sequence[Routing]) -> Iterator[str]:
    matched: dict[tuple[int, str], int] = defaultdict(int)
    for row in RoutedBatch.objects.filter(routing__in=runs).iterator(chunk_size=500):
        for part in row.outcome:
            matched[row.routing_id, part["subscription"]] += part["matched"]
    deliveries = Delivery.objects.filter(routing__in=runs).order_by("pk")
    for routing, subscription, destination, count in deliveries.values_list(
        "routing_id", "subscription_id", "destination_id", "count"
    ).iterator(chunk_size=2000):
        expected = matched.get((routing, subscription), 0)
        if count != expected:
            yield f"Run {routing}: {subscription} matched {expected} events, but {count} records went to {destination}."


def _tally_faults(scope: Scope) -> Iterator[str]:
    """The tallies sum to what the deliveries say."""
    by_tally = _grouped(
        scope.narrow(Tally.objects.exclude(destination=None), "minute"),
        {name: Sum(name) for name in ("fan_out", *FATES)},
    )
    by_delivery = _grouped(
        scope.narrow(Delivery.objects.all(), "routed_at"),
        {"fan_out": Sum("count"), **{name: Sum(f"{name}_count") for name in FATES}},
    )
    for key in sorted(by_tally.keys() | by_delivery.keys()):
        for name in ("fan_out", *FATES):
            tallied, counted = by_tally.get(key, {}).get(name, 0), by_delivery.get(key, {}).get(name, 0)
            if tallied != counted:
                yield f"{key[0]} to {key[1]}: {name} is {tallied} by tallies, {counted} by deliveries."


def _pruned_faults(scope: Scope) -> Iterator[str]:
    """Of what is only tallied by now, all that was sent on has ended."""
    tallies = scope.narrow(Tally.objects.exclude(destination=None), "minute")
    sums = _grouped(tallies, {name: Sum(name) for name in ("fan_out", *FATES)})
    for (origin, destination), row in sums.items():
        ended = sum(row[name] for name in FATES)
        if ended != row["fan_out"]:
            yield f"{origin} to {destination}: {row['fan_out']} sent on before {scope.end}, {ended} ended."


def _grouped(queryset: QuerySet, sums: dict[str, Sum]) -> dict[tuple[str, str], dict[str, int]]:  # type: ignore[type-arg]
    rows = queryset.order_by().values("origin", "destination_id").annotate(**{f"sum_{k}": v for k, v in sums.items()})
    return {(row["origin"], row["destination_id"]): {name: row[f"sum_{name}"] for name in sums} for row in rows}
