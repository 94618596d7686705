"""Taking deliveries to work on: under a lease, so that work of a killed worker is taken over."""

import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction

from common import rows
from common.clock import database_now
from delivery.models import Delivery
from destinations.models import Destination

LEASE = timedelta(seconds=settings.LEASE_SECONDS)
# What is left of it must be enough for one more send (15 s of 30).
RENEW_WHEN_LEFT = LEASE * 0.6
# The lease runs by the database's clock, which is not asked for every request: it costs a tenth of a send.
LOOK_AT_CLOCK_SECONDS = 1.0
CLAIM_DELIVERIES = 100
CLAIM_BYTES = 8 * 1024 * 1024
# A destination whose claims are full and this old is falling behind.
BEHIND_AFTER = timedelta(seconds=2)


@dataclass(slots=True)
class Claim:
    """Deliveries of one destination, in the order of routing, that only the holder of `token` may settle.

    `is_more`: more is due than it could take; `is_behind`: that has been so for a while.
    """

    destination: Destination
    token: str
    expires_at: datetime
    deliveries: list[Delivery]
    is_more: bool = False
    is_behind: bool = False
    looked_at: float = field(default_factory=time.monotonic)


def claim(destination_id: str) -> Claim | None:
    """Lease what is due at this destination; None when nothing is, or all its slots are taken."""
    with transaction.atomic():
        now = database_now()
        # The lock on the destination makes counting its slots and taking one a single step.
        sendable = Destination.objects.sendable(now).select_for_update(of=("self",)).select_related("account")
        destination = sendable.filter(pk=destination_id).first()
        if destination is None or _slots_taken(destination, now) >= destination.slots:
            return None
        chosen, is_more = _choose(destination, now)
        if not chosen:
            if destination.newest_first:
                Destination.objects.filter(pk=destination_id).update(newest_first=False)
            return None
        token, expires_at = secrets.token_hex(16), now + LEASE
        Delivery.objects.filter(pk__in=chosen).update(lease_token=token, lease_expires_at=expires_at)
    found = Delivery.objects.filter(pk__in=chosen).defer("payload")
    deliveries = list(found.order_by("-pk" if destination.newest_first else "pk"))
    blobs = rows.blobs(Delivery, "payload", chosen)
    for delivery in deliveries:
        delivery.payload = blobs[delivery.pk]
    is_behind = is_more and now - min(delivery.routed_at for delivery in deliveries) > BEHIND_AFTER
    return Claim(destination, token, expires_at, deliveries, is_more, is_behind)


def renew(claimed: Claim) -> None:
    """Hold the lease for another 30 s where it is about to end."""
    if time.monotonic() - claimed.looked_at < LOOK_AT_CLOCK_SECONDS:
        return
    claimed.looked_at = time.monotonic()
    now = database_now()
    if claimed.expires_at - now > RENEW_WHEN_LEFT:
        return
    claimed.expires_at = now + LEASE
    _held(claimed).update(lease_expires_at=claimed.expires_at)


def release(claimed: Claim) -> None:
    """Give back what is still waiting."""
    _held(claimed).update(lease_token="", lease_expires_at=None)


def _held(claimed: Claim) -> models.QuerySet[Delivery]:
    ids = [delivery.pk for delivery in claimed.deliveries]
    return Delivery.objects.filter(pk__in=ids, lease_token=claimed.token)


def _slots_taken(destination: Destination, now: datetime) -> int:
    leased = Delivery.objects.waiting().filter(destination=destination, lease_expires_at__gt=now)
    return leased.values("lease_token").distinct().count()


def _choose(destination: Destination, now: datetime) -> tuple[list[int], bool]:
    """What one claim takes, and whether more is due."""
    due = Delivery.objects.due(now).filter(destination=destination)
    due = due.order_by("-pk" if destination.newest_first else "pk")
    chosen: list[int] = []
    size = 0
    for pk, length in due.values_list("pk", "bytes")[: CLAIM_DELIVERIES + 1]:
        if chosen and (size + length > CLAIM_BYTES or len(chosen) == CLAIM_DELIVERIES):
            return chosen, True
        chosen.append(pk)
        size += length
    return chosen, False
