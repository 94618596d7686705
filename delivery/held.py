"""What people decide about records that wait: how many there are, give them up, send them elsewhere, let them go on.

Each works in transactions of a few hundred deliveries, so that a backlog of millions holds nobody up; what a worker
has under its lease at that moment is left to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog
from django.db import transaction
from django.db.models import F, Min, Sum
from django.utils import timezone

from accounts.audit import Actor
from common import wake
from common.clock import database_now
from delivery.deltas import Deltas
from delivery.expiry import kill
from delivery.health import WAITING, waiting_for
from delivery.lines import as_columns, open_lines, open_types
from delivery.models import Delivery, DeliveryQuerySet, Origin
from delivery.trail import record_waiting
from destinations.models import Destination
from destinations.services import check_unused, delete_destination, resume_destination
from subscriptions.models import Subscription

log = structlog.get_logger(__name__)

STEP_DELIVERIES = 200
STEP_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many records wait, how large (bytes of whole deliveries), since when, and when retention takes the first."""

    records: int
    bytes: int
    oldest: datetime | None
    first_loss_at: datetime | None


class Resume(StrEnum):
    """What becomes of the records that were held when a destination goes on."""

    IN_ORDER = "in_order"
    NEWEST_FIRST = "newest_first"
    SKIP = "skip"
    MOVE = "move"


class Leftover(StrEnum):
    """What becomes of the records that still wait for a destination that is deleted."""

    DEAD_LETTERS = "dead_letters"
    DISCARD = "discard"
    MOVE = "move"


class NotPossibleError(ValueError):
    """A choice that makes no sense here; the message is a sentence for the person who made it."""


def count_waiting(*, destination: Destination) -> Waiting:
    """The figures to show before any of the acts below."""
    found = waiting_for(destination).aggregate(
        records=Sum(WAITING, default=0), size=Sum("bytes", default=0), oldest=Min("routed_at")
    )
    oldest = found["oldest"]
    return Waiting(found["records"], found["size"], oldest, oldest + destination.holds_for if oldest else None)


def discard_waiting(*, owner: Destination | Subscription, actor: Actor) -> int:
    """Give up what waits for a destination, or of a subscription: a person's explicit act. How many records it was."""

    def act(deliveries: Sequence[Delivery]) -> int:
        records = _discard(deliveries)
        record_waiting(owner, actor, "discarded", records)
        return records

    if isinstance(owner, Subscription):
        return _in_steps(Delivery.objects.waiting().filter(subscription=owner), act)
    return _in_steps(waiting_for(owner), act)


def move_waiting(*, destination: Destination, to: Destination, actor: Actor) -> int:
    """Send what waits to another destination, each delivery under a new one that names it as its parent.

    Returns the number of records. Raises NotPossibleError.
    """
    if to.deleted_at is not None or to.account_id != destination.account_id:
        raise NotPossibleError("There is no such destination to send them to.")
    if destination.pk == to.pk:
        raise NotPossibleError("They wait for this destination already. Choose another one.")

    def act(deliveries: Sequence[Delivery]) -> int:
        records = _move(deliveries, to)
        record_waiting(destination, actor, "moved", records, to)
        return records

    moved = _in_steps(waiting_for(destination), act)
    if moved:
        wake.drain(to.pk, slow=to.is_failing)
    return moved


def resume(*, destination: Destination, how: Resume, actor: Actor, to: Destination | None = None) -> int:
    """Let a destination go on; returns how many records were discarded or moved. Raises NotPossibleError."""
    taken = 0
    if how == Resume.SKIP:
        taken = discard_waiting(owner=destination, actor=actor)
    elif how == Resume.MOVE:
        if to is None:
            raise NotPossibleError("Choose the destination that takes what was held.")
        taken = move_waiting(destination=destination, to=to, actor=actor)
    Destination.objects.filter(pk=destination.pk).update(newest_first=how == Resume.NEWEST_FIRST)
    resume_destination(destination=destination, actor=actor)
    log.info("destination_resumed", destination=destination.pk, how=how.value, taken=taken)
    return taken


def delete_destination_with(
    *, destination: Destination, actor: Actor, leftover: Leftover, to: Destination | None = None
) -> int:
    """Delete a destination and settle what still waits for it; returns how many records that were.

    Whatever still waits afterwards, such as what a worker is sending right now, becomes dead letters by the sweep.
    Raises DestinationInUseError, NotPossibleError.
    """
    if leftover == Leftover.MOVE and (to is None or to.pk == destination.pk):
        raise NotPossibleError("Choose another destination that takes what waits.")
    check_unused(destination)
    # Before it is deleted, as the sweep makes dead letters of what waits for a deleted one; then what came meanwhile.
    taken = _settle_leftover(destination, leftover, to, actor)
    delete_destination(destination=destination, actor=actor)
    return taken + _settle_leftover(destination, leftover, to, actor)


def _settle_leftover(destination: Destination, leftover: Leftover, to: Destination | None, actor: Actor) -> int:
    if leftover == Leftover.DISCARD:
        return discard_waiting(owner=destination, actor=actor)
    if leftover == Leftover.MOVE and to is not None:
        return move_waiting(destination=destination, to=to, actor=actor)
    return kill(waiting_for(destination), code="deleted", reason="What it was for was deleted while it waited.")


def _in_steps(queryset: DeliveryQuerySet, act: Callable[[Sequence[Delivery]], int]) -> int:
    """Let `act` settle the free deliveries, some at a time, each time in a transaction of its own."""
    total, last = 0, 0
    while True:
        with transaction.atomic():
            found = _step(queryset.filter(pk__gt=last).free(database_now()))
            if not found:
                return total
            total += act(found)
            last = found[-1].pk


def _step(free: DeliveryQuerySet) -> list[Delivery]:
    chosen: list[int] = []
    size = 0
    for pk, length in free.values_list("pk", "bytes")[:STEP_DELIVERIES]:
        if chosen and size + length > STEP_BYTES:
            break
        chosen.append(pk)
        size += length
    return list(free.filter(pk__in=chosen))


def _discard(deliveries: Sequence[Delivery]) -> int:
    deltas, total = Deltas(), 0
    for delivery in deliveries:
        deltas.add(delivery, "discarded", open_types(delivery))
        total += delivery.waiting_count
    _close(deliveries, Delivery.State.DISCARDED, "discarded_count")
    deltas.save()
    return total


def _move(deliveries: Sequence[Delivery], to: Destination) -> int:
    deltas, total, now = Deltas(), 0, database_now()
    children = [_child(delivery, to, now) for delivery in deliveries]
    for delivery, child in zip(deliveries, children, strict=True):
        deltas.add(delivery, "moved", child.types)
        deltas.add(child, "fan_out", child.types)
        total += child.count
    Delivery.objects.bulk_create(children)
    _close(deliveries, Delivery.State.MOVED, "moved_count")
    deltas.save()
    return total


def _child(delivery: Delivery, to: Destination, now: datetime) -> Delivery:
    """A new delivery of what is open in this one."""
    return Delivery(
        account_id=delivery.account_id,
        subscription_id=delivery.subscription_id,
        revision=delivery.revision,
        destination=to,
        origin=Origin.REPLAY,
        parent=delivery,
        routed_at=now,
        next_attempt_at=now,
        **as_columns(open_lines(delivery)),
    )


def _close(deliveries: Sequence[Delivery], state: Delivery.State, counter: str) -> None:
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries]).update(
        **{counter: F(counter) + WAITING},
        state=state,
        settled_at=timezone.now(),
        payload=None,
        lease_token="",
        lease_expires_at=None,
    )
