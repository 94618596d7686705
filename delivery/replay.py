"""Sending past events of a subscription again: to any destination, at a chosen rate, stoppable at every step.

Events of a time range are filtered and projected by the subscription as it is now, or by another filter; events named
by their IDs are taken whatever the filter says. A step is one run over some batches, committed with the cursor that
moves past them, so that a step that is repeated or interrupted sends nothing twice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.audit import Actor
from common import bitmap, wake
from common.clock import database_now
from common.ids import distance
from delivery.decide import Run, decide
from delivery.deltas import Deltas
from delivery.lines import as_columns, event_id_of
from delivery.models import Delivery, Origin, Replay, ReplayedBatch
from delivery.replay_scope import (
    ReplayRefusedError,
    Wanted,
    ahead_of,
    next_batches,
    plan_for,
    records_of,
)
from delivery.trail import record_replay

log = structlog.get_logger(__name__)

# So long a request that is being accepted may take to its commit. Its key may be lower than those that one step takes,
# and the next step would be past it.
COMMIT_SECONDS = 2.0


def start_replay(wanted: Wanted, *, actor: Actor, created_by: str = "") -> Replay:
    """Raises ReplayRefusedError."""
    plan_for(wanted)
    total = ahead_of(wanted, 0).count()
    if not total:
        raise ReplayRefusedError("No event of that time is kept any more.")
    now = database_now()
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
            next_step_at=_first_step_at(wanted, now),
            created_by=created_by,
        )
        record_replay(replay, actor, "started")
        wake.replay(replay.pk)
    log.info("replay_started", replay=replay.pk, account=replay.account_id, subscription=replay.subscription_id)
    return replay


def _first_step_at(wanted: Wanted, now: datetime) -> datetime:
    """Events that are named are there already."""
    if wanted.event_ids:
        return now
    return max(now, min(now, wanted.end) + timedelta(seconds=COMMIT_SECONDS))


def pause_replay(*, replay: Replay, actor: Actor) -> bool:
    """What was handed to deliveries already goes out. False when it is not running."""
    return _decide(replay, actor, "paused", (Replay.State.RUNNING,), state=Replay.State.PAUSED)


def resume_replay(*, replay: Replay, actor: Actor) -> bool:
    """Go on where it stopped; also after a failure, once its cause is mended."""
    stopped = (Replay.State.PAUSED, Replay.State.FAILED)
    fresh = {"next_step_at": database_now(), "error": "", "finished_at": None}
    done = _decide(replay, actor, "resumed", stopped, state=Replay.State.RUNNING, **fresh)
    if done:
        wake.replay(replay.pk)
    return done


def cancel_replay(*, replay: Replay, actor: Actor) -> bool:
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
    plan = plan_for(wanted)
    batches = next_batches(wanted, replay.next_batch)
    run = decide(replay.account_id, plan, batches)
    lines = records_of(wanted, run)
    now = database_now()
    is_done = not batches or (bool(wanted.event_ids) and not ahead_of(wanted, batches[-1].pk + 1).exists())
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
    delivery = Delivery.objects.create(
        account_id=replay.account_id,
        subscription_id=replay.subscription_id,
        revision=replay.subscription.revision,
        destination_id=replay.destination_id,
        origin=Origin.REPLAY,
        replay=replay,
        routed_at=now,
        next_attempt_at=now,
        **as_columns(lines),
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
