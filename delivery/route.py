"""Routing: which subscriptions take which events, exactly once for each event.

Reading, filtering and projecting happen outside any transaction; one short transaction then
checks that nobody changed the configuration or routed the same batches, and writes the outcome.
"""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction

from accounts.models import Account
from common import bitmap, metrics, payloads, rows
from common.clock import database_now
from delivery.decide import BatchOutcome, Run, decide
from delivery.models import Delivery, RoutedBatch, Routing, Tally
from delivery.turn import Turn
from destinations.models import Destination
from events.models import EventBatch
from subscriptions.plan import PlannedSubscription, plan_for

log = structlog.get_logger(__name__)

# What one run takes: enough to spread the cost of its commit, little enough for the memory of a worker.
RUN_BATCHES = 200
RUN_BYTES = 16 * 1024 * 1024
# A run of more than this is followed by the next without waiting: so much has come meanwhile.
FULL_BYTES = RUN_BYTES * 3 // 4
CONFIGURATION_RETRIES = 5


class PlanOutdatedError(Exception):
    """The configuration changed, or another run took the batches, while this one was computing."""


def route_account(account_id: str, turn: Turn | None = None) -> int:
    """Route everything of this account that waits; returns the number of events."""
    routed, turn = 0, turn or Turn()
    while turn.may_look() and (batches := _waiting_batches(account_id)):
        is_full = len(batches) == RUN_BATCHES or sum(batch.bytes for batch in batches) > FULL_BYTES
        turn.found(is_more=is_full)
        for _ in range(CONFIGURATION_RETRIES):
            try:
                with metrics.route_seconds.time():
                    _write(decide(account_id, plan_for(account_id), batches))
            except PlanOutdatedError:
                batches = _waiting_batches(account_id)
                if not batches:
                    turn.end()
                    return routed
            else:
                routed += (count := sum(batch.count for batch in batches))
                metrics.routed.inc(count)
                break
        else:
            # Somebody changes the configuration faster than a run lasts; the sweep comes back to it.
            log.warning("routing_given_up", account=account_id)
            turn.end()
            return routed
    return routed


def _waiting_batches(account_id: str) -> list[EventBatch]:
    waiting = EventBatch.objects.filter(account_id=account_id, routed_at=None).order_by("pk")
    sizes = waiting.values_list("pk", "bytes")[:RUN_BATCHES]
    chosen: list[int] = []
    size = 0
    for pk, length in sizes:
        if chosen and size + length > RUN_BYTES:
            break
        chosen.append(pk)
        size += length
    batches = list(EventBatch.objects.filter(pk__in=chosen).defer("payload").order_by("pk"))
    blobs = rows.blobs(EventBatch, "payload", chosen)
    for batch in batches:
        batch.payload = blobs[batch.pk]
    return batches


def _write(run: Run) -> None:
    """Commit the run, or raise PlanOutdatedError and leave everything as it was."""
    # The clock that deliveries come due by.
    now = database_now()
    deliveries = deliveries_of(run, now)
    with transaction.atomic():
        account = Account.objects.select_for_update().get(pk=run.account_id)
        if account.configuration_version != run.plan.version:
            raise PlanOutdatedError
        fresh = EventBatch.objects.filter(pk__in=[batch.pk for batch in run.batches], routed_at=None)
        if fresh.update(routed_at=now) != len(run.batches):
            raise PlanOutdatedError
        routing = Routing.objects.create(
            account=account,
            configuration_version=run.plan.version,
            routed_at=now,
            batches=len(run.batches),
            events=sum(batch.count for batch in run.batches),
        )
        write_outcome(run, routing, deliveries)


def write_outcome(run: Run, routing: Routing, deliveries: Sequence[Delivery]) -> None:
    """Insert what a run decided; inside the transaction that made sure that it is still right."""
    RoutedBatch.objects.bulk_create(_routed_batches(run, routing))
    for delivery in deliveries:
        delivery.routing = routing
    rows.insert(deliveries)
    Tally.objects.bulk_create(_tallies(run, routing.routed_at))
    _wake(deliveries, routing.routed_at)


def _routed_batches(run: Run, routing: Routing) -> list[RoutedBatch]:
    return [
        RoutedBatch(
            event_batch=batch,
            routing=routing,
            position=position,
            outcome=[
                _outcome_row(run, batch, subscription, outcome[subscription.id])
                for subscription in run.plan.subscriptions
                if subscription.id in outcome
            ],
            is_undecided=any(part.undecided for part in outcome.values()),
        )
        for position, (batch, outcome) in enumerate(zip(run.batches, run.outcomes, strict=True))
    ]


def _outcome_row(
    run: Run, batch: EventBatch, subscription: PlannedSubscription, outcome: BatchOutcome
) -> dict[str, Any]:
    sources = [
        source
        for name in batch.types
        for source in run.plan.by_type.get(name, ())
        if source.subscription.id == subscription.id
    ]
    return {
        "subscription": subscription.id,
        "revision": subscription.revision,
        "types": [source.event_type for source in sources],
        "of_types": outcome.of_types,
        "matched": len(outcome.matched),
        "matched_bits": base64.b64encode(bitmap.from_positions(outcome.matched, batch.count)).decode(),
        "errors": outcome.errors,
        "undecided": outcome.undecided,
        "undecided_types": [source.event_type for source in sources if source.broken],
    }


def deliveries_of(run: Run, now: datetime) -> list[Delivery]:
    """One for each subscription that takes something and each of its destinations; not saved."""
    deliveries = []
    for taken in run.taken.values():
        if not taken.lines:
            continue
        ndjson = b"\n".join(taken.lines) + b"\n"
        blob = payloads.compress(ndjson)
        deliveries += [
            Delivery(
                account_id=run.account_id,
                subscription_id=taken.subscription.id,
                revision=taken.subscription.revision,
                destination_id=destination,
                routed_at=now,
                next_attempt_at=now,
                count=len(taken.lines),
                bytes=len(ndjson),
                types={name: number for name, number in taken.matched.items() if number},
                payload=blob,
            )
            for destination in taken.subscription.destinations
        ]
    return deliveries


def _tallies(run: Run, now: datetime) -> list[Tally]:
    minute = now.replace(second=0, microsecond=0)
    tallies = []
    for taken in run.taken.values():
        subscription = taken.subscription
        common: dict[str, Any] = {
            "account_id": run.account_id,
            "minute": minute,
            "subscription_id": subscription.id,
            "revision": subscription.revision,
        }
        for event_type in taken.matched.keys() | taken.undecided.keys():
            matched = taken.matched[event_type]
            tallies.append(
                Tally(
                    **common,
                    event_type=event_type,
                    matched=matched,
                    filtered=taken.filtered[event_type],
                    undecided=taken.undecided[event_type],
                )
            )
            if matched:
                tallies += [
                    Tally(**common, event_type=event_type, destination_id=destination, fan_out=matched)
                    for destination in subscription.destinations
                ]
    return tallies


def _wake(deliveries: Sequence[Delivery], now: datetime) -> None:
    ids = {delivery.destination_id for delivery in deliveries}
    Destination.objects.filter(pk__in=ids).sendable(now).wake()
