"""What people decide about records that wait: how many there are, give them up, send them elsewhere, let them go on.

Each works in transactions of a few hundred deliveries, so that a backlog of millions holds nobody up; what a worker
has under its lease at that moment is left to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from delivery.lines import as_columns, open_lines, open_types
from delivery.models import Delivery, DeliveryQuerySet, Origin
from delivery.trail import record_waiting
from destinations.models import Destination
from destinations.services import delete_destination, resume_destination
from subscriptions.models import Subscription
from subscriptions.services import delete_subscription

log = structlog.get_logger(__name__)

STEP_DELIVERIES = 200
STEP_BYTES = 16 * 1024 * 1024
WAITING = F("count") - F("delivered_count") - F("dead_count") - F("discarded_count") - F("moved_count")


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
    """What becomes of the records that still wait for something that is deleted."""

    SEND = "send"
    DEAD_LETTERS = "dead_letters"
    DISCARD = "discard"
    MOVE = "move"


class NotPossibleError(ValueError):
    """A choice that makes no sense here; the message is a sentence for the person who made it."""


def waiting_deliveries(
    *, destination: Destination | None = None, subscription: Subscription | None = None
) -> DeliveryQuerySet:
    """What waits for a destination, of a subscription, or both."""
    _owner(destination, subscription)
    queryset = Delivery.objects.waiting()
    if destination is not None:
        queryset = queryset.filter(destination=destination)
    if subscription is not None:
        queryset = queryset.filter(subscription=subscription)
    return queryset


def count_waiting(*, destination: Destination | None = None, subscription: Subscription | None = None) -> Waiting:
    """The figures to show before any of the acts below."""
    found = waiting_deliveries(destination=destination, subscription=subscription).aggregate(
        records=Sum(WAITING, default=0), size=Sum("bytes", default=0), oldest=Min("routed_at")
    )
    retention = timedelta(days=_owner(destination, subscription).account.payload_retention_days)
    oldest = found["oldest"]
    return Waiting(found["records"], found["size"], oldest, oldest + retention if oldest else None)


def discard_waiting(
    *, actor: Actor, destination: Destination | None = None, subscription: Subscription | None = None
) -> int:
    """Give up what waits: a person's explicit act. Returns the number of records."""
    owner = _owner(destination, subscription)

    def act(deliveries: Sequence[Delivery]) -> int:
        records = _discard(deliveries)
        record_waiting(owner, actor, "discarded", records)
        return records

    return _in_steps(waiting_deliveries(destination=destination, subscription=subscription), act)


def move_waiting(
    *,
    to: Destination,
    actor: Actor,
    destination: Destination | None = None,
    subscription: Subscription | None = None,
) -> int:
    """Send what waits to another destination, each delivery under a new one that names it as its parent.

    Returns the number of records. Raises NotPossibleError.
    """
    owner = _owner(destination, subscription)
    if to.deleted_at is not None or to.account_id != owner.account_id:
        raise NotPossibleError("There is no such destination to send them to.")
    if destination is not None and destination.pk == to.pk:
        raise NotPossibleError("They wait for this destination already. Choose another one.")
    waiting = waiting_deliveries(destination=destination, subscription=subscription).exclude(destination=to)

    def act(deliveries: Sequence[Delivery]) -> int:
        records = _move(deliveries, to)
        record_waiting(owner, actor, "moved", records, to)
        return records

    moved = _in_steps(waiting, act)
    if moved:
        wake.drain(to.pk, slow=to.is_failing)
    return moved


def resume(*, destination: Destination, how: Resume, actor: Actor, to: Destination | None = None) -> int:
    """Let a destination go on; returns how many records were discarded or moved. Raises NotPossibleError."""
    taken = 0
    if how == Resume.SKIP:
        taken = discard_waiting(destination=destination, actor=actor)
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
    if leftover == Leftover.SEND:
        raise NotPossibleError("A deleted destination sends nothing any more.")
    if leftover == Leftover.MOVE and (to is None or to.pk == destination.pk):
        raise NotPossibleError("Choose another destination that takes what waits.")
    delete_destination(destination=destination, actor=actor)
    return _settle_leftover(leftover, to, actor, destination=destination)


def delete_subscription_with(
    *, subscription: Subscription, actor: Actor, leftover: Leftover, to: Destination | None = None
) -> int:
    """Delete a subscription and settle what waits of it; with SEND that still goes out. Raises NotPossibleError."""
    if leftover == Leftover.MOVE and to is None:
        raise NotPossibleError("Choose the destination that takes what waits.")
    delete_subscription(subscription=subscription, actor=actor)
    return _settle_leftover(leftover, to, actor, subscription=subscription)


def _settle_leftover(
    leftover: Leftover,
    to: Destination | None,
    actor: Actor,
    *,
    destination: Destination | None = None,
    subscription: Subscription | None = None,
) -> int:
    if leftover == Leftover.DISCARD:
        return discard_waiting(destination=destination, subscription=subscription, actor=actor)
    if leftover == Leftover.MOVE and to is not None:
        return move_waiting(to=to, destination=destination, subscription=subscription, actor=actor)
    if leftover == Leftover.DEAD_LETTERS:
        waiting = waiting_deliveries(destination=destination, subscription=subscription)
        return kill(waiting, code="deleted", reason="What it was for was deleted while it waited.")
    return 0


def _owner(destination: Destination | None, subscription: Subscription | None) -> Destination | Subscription:
    owner = destination or subscription
    if owner is None:
        raise TypeError("Name a destination, a subscription, or both.")
    return owner


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
