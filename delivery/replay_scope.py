"""What a replay is about: which events of which time, how they are decided, and which of them one step takes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from delivery.decide import Run
from delivery.lines import event_id_of, lines_of
from delivery.route import deliveries_of
from destinations.models import Destination
from events.catalog import get_event_type
from events.filters import Filter, FilterError, compile_filter
from events.models import EventBatch
from events.projection import compile_projection
from subscriptions.models import Subscription
from subscriptions.plan import Plan, PlannedSource, PlannedSubscription, plan_of

MAX_EVENT_IDS = 1000
MAX_RATE = 100_000
# A step sends what the rate allows in this time; the sweep wakes the next one.
STEP_SECONDS = 5.0
STEP_BATCHES = 200
STEP_BYTES = 16 * 1024 * 1024


class ReplayRefusedError(ValueError):
    """The replay makes no sense as it was asked for; the message is a sentence for the person."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be replayed: of `subscription` to `destination`, accepted from `start` up to `end`, or `event_ids`."""

    subscription: Subscription
    destination: Destination
    start: datetime
    end: datetime
    filter: str = ""
    event_ids: tuple[str, ...] = ()
    events_per_second: int = 1000


def plan_for(wanted: Wanted) -> Plan:
    """The subscription alone, as it is now, with the destination and the filter of the replay."""
    subscription, destination = wanted.subscription, wanted.destination
    if destination.account_id != subscription.account_id or destination.deleted_at is not None:
        raise ReplayRefusedError("There is no such destination.")
    if len(wanted.event_ids) > MAX_EVENT_IDS:
        raise ReplayRefusedError(f"{len(wanted.event_ids):,} events are named; {MAX_EVENT_IDS:,} is the most.")
    if not 1 <= wanted.events_per_second <= MAX_RATE:
        raise ReplayRefusedError(f"The rate must lie between 1 and {MAX_RATE:,} events a second.")
    if wanted.start >= wanted.end:
        raise ReplayRefusedError("The time range ends before it begins.")
    planned = PlannedSubscription(subscription.pk, subscription.revision, (destination.pk,))
    sources = {}
    for source in subscription.sources.all():
        event_type = get_event_type(source.event_type)
        if event_type is None:
            continue
        projection = compile_projection(event_type, source.fields) if source.fields is not None else None
        compiled = None if wanted.event_ids else _filter(wanted.filter or source.filter, source.event_type)
        sources[source.event_type] = (PlannedSource(planned, source.event_type, compiled, projection),)
    if not sources:
        raise ReplayRefusedError("The subscription has no event types.")
    return plan_of(0, sources, (planned,))


def _filter(text: str, event_type: str) -> Filter | None:
    found = get_event_type(event_type)
    if not text or found is None:
        return None
    try:
        return compile_filter(text, found)
    except FilterError as error:
        raise ReplayRefusedError(f"The filter does not suit {event_type}: {error}") from error


def batches_of(wanted: Wanted) -> Any:
    return EventBatch.objects.filter(
        account_id=wanted.subscription.account_id, accepted_at__gte=wanted.start, accepted_at__lt=wanted.end
    )


def next_batches(wanted: Wanted, first: int) -> list[EventBatch]:
    """What one step takes: about as many events as the rate allows in its time, never fewer than a batch.

    Of batches with named events only some are taken, so that there bytes alone count.
    """
    most = float("inf") if wanted.event_ids else wanted.events_per_second * STEP_SECONDS
    chosen: list[int] = []
    events = size = 0
    for pk, count, length in ahead_of(wanted, first).values_list("pk", "count", "bytes")[:STEP_BATCHES]:
        if chosen and (events + count > most or size + length > STEP_BYTES):
            break
        chosen.append(pk)
        events, size = events + count, size + length
    return list(EventBatch.objects.filter(pk__in=chosen).order_by("pk"))


def ahead_of(wanted: Wanted, first: int) -> Any:
    """The batches from this one on that are still kept, in order."""
    batches = EventBatch.objects.filter(pk__in=_keys_of_ids(wanted)) if wanted.event_ids else batches_of(wanted)
    return batches.filter(payload__isnull=False, pk__gte=first).order_by("pk")


def _keys_of_ids(wanted: Wanted) -> set[int]:
    """The batches of the named events, without their payloads: a thousand of these would be more than a worker has."""
    own = EventBatch.objects.filter(account_id=wanted.subscription.account_id)
    keys = set()
    for event_id in wanted.event_ids:
        nearest = own.filter(first_event_id__lte=event_id).order_by("-first_event_id")
        found = nearest.values_list("pk", "last_event_id").first()
        if found is not None and event_id <= found[1]:
            keys.add(found[0])
    return keys


def records_of(wanted: Wanted, run: Run) -> list[bytes]:
    """The records of a run in order; with a list of events only those."""
    lines = [line for delivery in deliveries_of(run, timezone.now()) for line in lines_of(delivery.payload)]
    if wanted.event_ids:
        chosen = set(wanted.event_ids)
        lines = [line for line in lines if event_id_of(line) in chosen]
    return lines
