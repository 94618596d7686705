"""Sending past events of a subscription again: to any destination, at a chosen rate, stoppable at every step.

Events of a time range are filtered and projected by the subscription as it is now, or by another filter; events named
by their IDs are taken whatever the filter says. A step is one run over some batches, committed with the cursor that
moves past them, so that a step that is repeated or interrupted sends nothing twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Count, F, Sum
from django.utils import timezone

from accounts.audit import SYSTEM, Actor
from common import bitmap, payloads, wake
from common.clock import database_now
from common.ids import distance
from delivery.decide import Run, decide
from delivery.deltas import Deltas
from delivery.fate import find_batch
from delivery.lines import event_id_of, lines_of, types_of
from delivery.models import Delivery, Origin, Replay, ReplayedBatch, Tally
from delivery.route import deliveries_of
from delivery.trail import record_replay
from destinations.models import Destination
from destinations.records import Records
from events.catalog import get_event_type
from events.filters import Filter, FilterError, compile_filter
from events.models import EventBatch
from events.projection import compile_projection
from subscriptions.models import Subscription
from subscriptions.plan import Plan, PlannedSource, PlannedSubscription, plan_of

log = structlog.get_logger(__name__)

MAX_EVENT_IDS = 1000
MAX_RATE = 100_000
# A step sends what the rate allows in this time; the sweep wakes the next one.
STEP_SECONDS = 5.0
STEP_BATCHES = 200
STEP_BYTES = 16 * 1024 * 1024
# A preview looks into so many batches, evenly spread, and reckons the rest from them.
SAMPLE_BATCHES = 40


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


@dataclass(frozen=True, slots=True)
class Preview:
    """What a replay would do. `matched`, `bytes` and `too_old` are reckoned from a sample where `is_estimate`.

    `delivered_before` counts records of that time which this destination has already, by minute of routing;
    `gone` the events whose payload is no longer kept; `seconds` how long it takes at the rate.
    """

    events: int
    gone: int
    matched: int
    delivered_before: int
    too_old: int
    bytes: int
    seconds: float
    is_estimate: bool


def preview(wanted: Wanted) -> Preview:
    """Raises ReplayRefusedError."""
    plan = _plan(wanted)
    batches = _batches(wanted)
    if wanted.event_ids:
        keys = sorted(batch.pk for batch in _batches_of_ids(wanted))
        kept, gone = len(wanted.event_ids), 0
    else:
        keys = list(batches.filter(payload__isnull=False).order_by("pk").values_list("pk", flat=True))
        sums = batches.aggregate(events=Sum("count", default=0))
        kept = batches.filter(payload__isnull=False).aggregate(events=Sum("count", default=0))["events"]
        gone = sums["events"] - kept
    sampled = keys[:: max(1, len(keys) // SAMPLE_BATCHES)]
    run = decide(wanted.subscription.account_id, plan, list(EventBatch.objects.filter(pk__in=sampled).order_by("pk")))
    lines = _lines(wanted, run)
    share = len(keys) / len(sampled) if sampled else 1.0
    matched = round(len(lines) * share)
    return Preview(
        events=kept,
        gone=gone,
        matched=matched,
        delivered_before=_delivered_before(wanted),
        too_old=round(_too_old(wanted.destination, lines) * share),
        bytes=round(sum(map(len, lines)) * share),
        seconds=matched / wanted.events_per_second,
        is_estimate=len(sampled) < len(keys),
    )


def start_replay(wanted: Wanted, *, created_by: str = "", actor: Actor = SYSTEM) -> Replay:
    """Raises ReplayRefusedError."""
    _plan(wanted)
    batches = _batches(wanted).filter(payload__isnull=False)
    total = len(_batches_of_ids(wanted)) if wanted.event_ids else batches.aggregate(number=Count("pk"))["number"]
    if not total:
        raise ReplayRefusedError("No event of that time is kept any more.")
    with transaction.atomic():
        replay = Replay.objects.create(
            account_id=wanted.subscription.account_id,
            subscription=wanted.subscription,
            destination=wanted.destination,
            start=wanted.start,
            end=wanted.end,
            event_ids=list(wanted.event_ids),
            filter=wanted.filter,
            events_per_second=wanted.events_per_second,
            batches_total=total,
            next_step_at=database_now(),
            created_by=created_by,
        )
        record_replay(replay, actor, "started")
        wake.replay(replay.pk)
    log.info("replay_started", replay=replay.pk, account=replay.account_id, subscription=replay.subscription_id)
    return replay


def pause_replay(*, replay: Replay, actor: Actor = SYSTEM) -> bool:
    """What was handed to deliveries already goes out. False when it is not running."""
    return _decide(replay, actor, "paused", (Replay.State.RUNNING,), state=Replay.State.PAUSED)


def resume_replay(*, replay: Replay, actor: Actor = SYSTEM) -> bool:
    """Go on where it stopped; also after a failure, once its cause is mended."""
    stopped = (Replay.State.PAUSED, Replay.State.FAILED)
    fresh = {"next_step_at": database_now(), "error": "", "finished_at": None}
    done = _decide(replay, actor, "resumed", stopped, state=Replay.State.RUNNING, **fresh)
    if done:
        wake.replay(replay.pk)
    return done


def cancel_replay(*, replay: Replay, actor: Actor = SYSTEM) -> bool:
    """Take nothing more; what was handed to deliveries already goes out."""
    unfinished = (Replay.State.RUNNING, Replay.State.PAUSED, Replay.State.FAILED)
    changed = {"state": Replay.State.CANCELLED, "finished_at": timezone.now()}
    return _decide(replay, actor, "cancelled", unfinished, **changed)


@transaction.atomic
def _decide(replay: Replay, actor: Actor, act: str, states: Sequence[Replay.State], **changed: Any) -> bool:
    """A switch by a person, which the trail keeps."""
    current = Replay.objects.select_for_update().get(pk=replay.pk)
    if not _switch(current, states, **changed):
        return False
    before = current.state
    current.refresh_from_db()
    record_replay(current, actor, act, before)
    return True


def _switch(replay: Replay, states: Sequence[Replay.State], **changed: Any) -> bool:
    return bool(Replay.objects.filter(pk=replay.pk, state__in=states).update(**changed))


def run_replay(replay_id: int) -> None:
    """Take one step if it is due, so that routing has its turn between two; a later one is left to the sweep."""
    due = Replay.objects.filter(pk=replay_id, state=Replay.State.RUNNING, next_step_at__lte=database_now())
    replay = due.select_related("subscription__account", "destination").first()
    if replay is None:
        return
    try:
        _step(replay)
    except ReplayRefusedError as error:
        log.warning("replay_failed", replay=replay_id, error=str(error))
        _switch(replay, (Replay.State.RUNNING,), state=Replay.State.FAILED, error=str(error))
    if due.exists():
        wake.replay(replay_id)


def _step(replay: Replay) -> None:
    """One run: decide outside any transaction, then write it with the cursor."""
    wanted = Wanted(
        replay.subscription,
        replay.destination,
        replay.start,
        replay.end,
        replay.filter,
        tuple(replay.event_ids),
        replay.events_per_second,
    )
    plan = _plan(wanted)
    batches = _batches_of_ids(wanted) if wanted.event_ids else _next_batches(wanted, replay.next_batch)
    run = decide(replay.account_id, plan, batches)
    lines = _lines(wanted, run)
    now = database_now()
    is_done = bool(wanted.event_ids) or not batches
    changed: dict[str, Any] = {
        "next_batch": batches[-1].pk + 1 if batches else replay.next_batch,
        "next_step_at": now + timedelta(seconds=len(lines) / replay.events_per_second),
        "batches_done": F("batches_done") + len(batches),
        "scanned": F("scanned") + sum(batch.count for batch in batches),
        "matched": F("matched") + len(lines),
    }
    if is_done:
        changed |= {"state": Replay.State.DONE, "finished_at": now}
    with transaction.atomic():
        # Paused, cancelled, or another worker took the same step: then this one never was.
        current = Replay.objects.filter(pk=replay.pk, state=Replay.State.RUNNING, next_batch=replay.next_batch)
        if current.filter(batches_done=replay.batches_done).update(**changed) and lines:
            _hand_over(replay, run, lines, now)


def _hand_over(replay: Replay, run: Run, lines: Sequence[bytes], now: datetime) -> None:
    """One delivery of these records, and which events of which batch they are."""
    ndjson = b"".join(line + b"\n" for line in lines)
    delivery = Delivery.objects.create(
        account_id=replay.account_id,
        subscription_id=replay.subscription_id,
        revision=replay.subscription.revision,
        destination_id=replay.destination_id,
        origin=Origin.REPLAY,
        replay=replay,
        routed_at=now,
        next_attempt_at=now,
        count=len(lines),
        bytes=len(ndjson),
        types=types_of(lines),
        payload=payloads.compress(ndjson),
    )
    deltas = Deltas()
    deltas.add(delivery, "fan_out", delivery.types)
    deltas.save()
    ReplayedBatch.objects.bulk_create(_replayed_batches(replay, run, lines, delivery))
    wake.drain(replay.destination_id, slow=replay.destination.is_failing)


def _replayed_batches(replay: Replay, run: Run, lines: Sequence[bytes], delivery: Delivery) -> list[ReplayedBatch]:
    ids = [event_id_of(line) for line in lines]
    rows, start = [], 0
    for batch, outcome in zip(run.batches, run.outcomes, strict=True):
        if replay.event_ids:
            own = [event_id for event_id in ids if batch.first_event_id <= event_id <= batch.last_event_id]
            positions = [distance(batch.first_event_id, event_id) for event_id in own]
        else:
            part = outcome.get(replay.subscription_id)
            positions = part.matched if part else []
        if positions:
            bits = bitmap.from_positions(positions, batch.count)
            rows.append(ReplayedBatch(replay=replay, event_batch=batch, delivery=delivery, start=start, bits=bits))
        start += len(positions)
    return rows


def _lines(wanted: Wanted, run: Run) -> list[bytes]:
    """The records of a run in order; with a list of events only those."""
    lines = [line for delivery in deliveries_of(run, timezone.now()) for line in lines_of(delivery.payload)]
    if wanted.event_ids:
        chosen = set(wanted.event_ids)
        lines = [line for line in lines if event_id_of(line) in chosen]
    return lines


def _batches(wanted: Wanted) -> Any:
    return EventBatch.objects.filter(
        account_id=wanted.subscription.account_id, accepted_at__gte=wanted.start, accepted_at__lt=wanted.end
    )


def _next_batches(wanted: Wanted, first: int) -> list[EventBatch]:
    """What one step takes: about as many events as the rate allows in its time, never fewer than a batch."""
    most = wanted.events_per_second * STEP_SECONDS
    ahead = _batches(wanted).filter(payload__isnull=False, pk__gte=first).order_by("pk")
    chosen: list[int] = []
    events = size = 0
    for pk, count, length in ahead.values_list("pk", "count", "bytes")[:STEP_BATCHES]:
        if chosen and (events + count > most or size + length > STEP_BYTES):
            break
        chosen.append(pk)
        events, size = events + count, size + length
    return list(EventBatch.objects.filter(pk__in=chosen).order_by("pk"))


def _batches_of_ids(wanted: Wanted) -> list[EventBatch]:
    account = wanted.subscription.account
    found = {batch.pk: batch for event_id in wanted.event_ids if (batch := find_batch(account, event_id)) is not None}
    return [batch for _, batch in sorted(found.items()) if batch.payload is not None]


def _plan(wanted: Wanted) -> Plan:
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


def _delivered_before(wanted: Wanted) -> int:
    tallies = Tally.objects.filter(
        subscription=wanted.subscription,
        destination=wanted.destination,
        minute__gte=wanted.start.replace(second=0, microsecond=0),
        minute__lt=wanted.end,
    )
    return int(tallies.aggregate(number=Sum("delivered", default=0))["number"])


def _too_old(destination: Destination, lines: Sequence[bytes]) -> int:
    oldest = destination.target_class.oldest
    if oldest is None:
        return 0
    first_ms = int((timezone.now() - oldest).timestamp() * 1000)
    return sum(record.timestamp_ms < first_ms for record in Records(lines))
