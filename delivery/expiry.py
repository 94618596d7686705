"""Held records whose time is up become dead letters, with notice; so does what waits for a deleted destination."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Account
from common import bitmap
from common.clock import database_now
from delivery.deltas import Deltas
from delivery.lines import event_id_of, event_type_of, lines_of, open_positions, types_of
from delivery.models import DeadLetter, Delivery, DeliveryQuerySet
from destinations.models import Destination

log = structlog.get_logger(__name__)

# Small enough for a transaction of 50 ms on SQLite.
STEP_RECORDS = 500


def expire_held(*, seconds: float = 1.0) -> int:
    """Expire for at most about `seconds`; returns the number of records. The sweep comes back for the rest."""
    deadline = time.monotonic() + seconds
    expired = 0
    for days in Account.objects.values_list("payload_retention_days", flat=True).distinct().order_by():
        due = Delivery.objects.waiting().filter(
            account__payload_retention_days=days, routed_at__lt=database_now() - timedelta(days=days)
        )
        reason = f"It waited for {days} days, the retention of this account."
        expired += kill(due, code="expired", reason=reason, deadline=deadline)
    orphaned = Delivery.objects.waiting().exclude(destination__deleted_at=None)
    return expired + kill(orphaned, code="deleted", reason="Its destination was deleted.", deadline=deadline)


def kill(queryset: DeliveryQuerySet, *, code: str, reason: str, deadline: float = float("inf")) -> int:
    """Make dead letters of the open records of these deliveries, a few hundred at a time; returns how many."""
    total, last = 0, 0
    while time.monotonic() < deadline:
        with transaction.atomic():
            delivery = queryset.filter(pk__gte=last).free(database_now()).first()
            if delivery is None:
                break
            # Not past it: it may have more records than one step takes.
            last = delivery.pk
            total += _kill_some(delivery, code, reason)
    return total


def _kill_some(delivery: Delivery, code: str, reason: str) -> int:
    positions = open_positions(delivery)
    chosen, rest = positions[:STEP_RECORDS], positions[STEP_RECORDS:]
    lines = lines_of(delivery.payload)
    now = timezone.now()
    DeadLetter.objects.bulk_create(_letters(delivery, chosen, lines, code, reason, now))
    changed: dict[str, object] = {
        "dead_count": delivery.dead_count + len(chosen),
        "lease_token": "",
        "lease_expires_at": None,
    }
    if rest:
        changed["remaining"] = bitmap.from_positions(rest, delivery.count)
    else:
        state = Delivery.State.DELIVERED if delivery.delivered_count else Delivery.State.DEAD
        changed |= {"state": state, "settled_at": now, "payload": None, "remaining": None}
    Delivery.objects.filter(pk=delivery.pk).update(**changed)
    deltas = Deltas()
    deltas.add(delivery, "dead", types_of(lines[position] for position in chosen))
    deltas.save()
    if code == "expired":
        Destination.objects.filter(pk=delivery.destination_id).update(
            expired_count=F("expired_count") + len(chosen), last_expired_at=now
        )
    log.warning(
        "records_given_up",
        code=code,
        account=delivery.account_id,
        destination=delivery.destination_id,
        subscription=delivery.subscription_id,
        delivery=delivery.pk,
        records=len(chosen),
    )
    return len(chosen)


def _letters(
    delivery: Delivery, chosen: Sequence[int], lines: Sequence[bytes], code: str, reason: str, now: datetime
) -> list[DeadLetter]:
    return [
        DeadLetter(
            account_id=delivery.account_id,
            delivery=delivery,
            destination_id=delivery.destination_id,
            subscription_id=delivery.subscription_id,
            position=position,
            event_id=event_id_of(lines[position]),
            event_type=event_type_of(lines[position]),
            code=code,
            reason=reason,
            payload=lines[position],
            died_at=now,
        )
        for position in chosen
    ]
