"""Taking deliveries to work on: under a lease, so that work of a killed worker is taken over.

One lease may be on deliveries of many destinations: where each has little, asking for it costs more than sending it.
"""

import secrets
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.db import models, transaction

from common import rows
from common.clock import database_now
from delivery.models import Delivery
from destinations.models import Destination

LEASE_TIME = timedelta(seconds=settings.LEASE_SECONDS)
# What is left of it must be enough for one more send (15 s of 30).
RENEW_WHEN_LEFT = LEASE_TIME * 0.6
# The lease runs by the database's clock, which is not asked for every request: it costs a tenth of a send.
LOOK_AT_CLOCK_SECONDS = 1.0
# What one lease takes.
LEASE_DELIVERIES = 100
LEASE_BYTES = 8 * 1024 * 1024
# A destination whose claims are full and this old is falling behind.
BEHIND_AFTER = timedelta(seconds=2)


@dataclass(slots=True)
class Claim:
    """Deliveries of one destination, in the order of routing, that only the holder of `token` may settle.

    `is_more`: more is due than it could take; `is_behind`: that has been so for a while; `has_free_slot`: another
    worker may send to the same destination; `is_open`: some of it may still be waiting; `is_lost`: another worker
    has taken it over; `is_stopped`: a person paused or deleted the destination meanwhile.
    """

    destination: Destination
    token: str
    deliveries: list[Delivery]
    is_more: bool = False
    is_behind: bool = False
    has_free_slot: bool = False
    is_open: bool = True
    is_lost: bool = False
    is_stopped: bool = False


@dataclass(slots=True)
class Lease:
    """What one worker holds: a claim for each destination. `left` are the destinations for which there was no room,
    `busy` those whose slots are all taken."""

    token: str
    expires_at: datetime
    claims: list[Claim] = field(default_factory=list)
    left: list[Destination] = field(default_factory=list)
    busy: list[Destination] = field(default_factory=list)
    looked_at: float = field(default_factory=time.monotonic)


def claim(*destination_ids: str) -> Lease:
    """Lease what is due at these destinations, in this order, as far as there is room."""
    with transaction.atomic():
        now = database_now()
        lease = Lease(secrets.token_hex(16), now + LEASE_TIME)
        # The lock on the destinations makes counting their slots and taking one a single step.
        sendable = Destination.objects.light().sendable(now).filter(pk__in=destination_ids).order_by("pk")
        locked = sendable.select_for_update(of=("self",), no_key=True).select_related("account")
        found = {each.pk: each for each in locked}
        ordered = [found[pk] for pk in destination_ids if pk in found]
        taken = _slots_taken(ordered, now)
        free = [each for each in ordered if taken.get(each.pk, 0) < each.slots]
        lease.busy = [each for each in ordered if each not in free]
        chosen = _Chosen(_due(free, now))
        lease.left = [each for each in free if not chosen.choose(each.pk)]
        Delivery.objects.filter(pk__in=chosen.ids).update(lease_token=lease.token, lease_expires_at=lease.expires_at)
        # Once it takes all that is left, the next is sent in order again.
        caught_up = [pk for pk in chosen.caught_up if found[pk].newest_first]
        if caught_up:
            Destination.objects.filter(pk__in=caught_up).update(newest_first=False)
    deliveries = _read(chosen.ids)
    for pk, is_more in chosen.is_more.items():
        destination, own = found[pk], deliveries[pk]
        own.sort(key=attrgetter("pk"), reverse=destination.newest_first)
        is_behind = is_more and now - min(delivery.routed_at for delivery in own) > BEHIND_AFTER
        has_free_slot = taken.get(pk, 0) + 1 < destination.slots
        lease.claims.append(Claim(destination, lease.token, own, is_more, is_behind, has_free_slot))
    return lease


def renew(lease: Lease) -> None:
    """Hold the lease for another 30 s where it is about to end; see what was stopped."""
    if time.monotonic() - lease.looked_at < LOOK_AT_CLOCK_SECONDS:
        return
    lease.looked_at = time.monotonic()
    stopped = Destination.objects.filter(pk__in=[each.destination.pk for each in lease.claims]).stopped()
    ids = set(stopped.values_list("pk", flat=True))
    for each in lease.claims:
        each.is_stopped = each.destination.pk in ids
    now = database_now()
    if lease.expires_at - now > RENEW_WHEN_LEFT:
        return
    lease.expires_at = now + LEASE_TIME
    _held(lease.claims, lease).update(lease_expires_at=lease.expires_at)


def release(lease: Lease, claims: Sequence[Claim]) -> None:
    """Give back what is still waiting of these claims."""
    if claims := [each for each in claims if each.is_open]:
        _held(claims, lease).update(lease_token="", lease_expires_at=None)


def _held(claims: Sequence[Claim], lease: Lease) -> models.QuerySet[Delivery]:
    ids = [delivery.pk for each in claims if each.is_open for delivery in each.deliveries]
    return Delivery.objects.waiting().filter(pk__in=ids, lease_token=lease.token)


def _slots_taken(destinations: Sequence[Destination], now: datetime) -> dict[str, int]:
    leased = Delivery.objects.waiting().filter(destination__in=destinations, lease_expires_at__gt=now)
    counted = leased.values("destination").annotate(number=models.Count("lease_token", distinct=True))
    return dict(counted.values_list("destination", "number"))


def _due(destinations: Sequence[Destination], now: datetime) -> dict[str, list[list[int]]]:
    """ID and bytes of the deliveries that are due at each, in the order in which they are to be sent."""
    due: dict[str, list[list[int]]] = {}
    for newest_first, order in ((False, "pk"), (True, "-pk")):
        keys = [each.pk for each in destinations if each.newest_first == newest_first]
        if keys:
            of = partial(_due_of, now, order)
            due |= rows.first_of_each(Destination, keys, of, ("pk", "bytes"), LEASE_DELIVERIES + 1)
    return due


def _due_of(now: datetime, order: str, destination_id: Any) -> models.QuerySet[Delivery]:
    return Delivery.objects.due(now).filter(destination=destination_id).order_by(order)


def _read(ids: Sequence[int]) -> dict[str, list[Delivery]]:
    """These deliveries by destination."""
    read: dict[str, list[Delivery]] = defaultdict(list)
    if not ids:
        return read
    blobs = rows.blobs(Delivery, "payload", ids)
    for delivery in Delivery.objects.filter(pk__in=ids).defer("payload"):
        delivery.payload = blobs[delivery.pk]
        read[delivery.destination_id].append(delivery)
    return read


class _Chosen:
    """What a lease takes of what is due: IDs of deliveries, and for each destination whether more is due."""

    def __init__(self, due: dict[str, list[list[int]]]) -> None:
        self._due = due
        self._bytes = 0
        self.ids: list[int] = []
        self.is_more: dict[str, bool] = {}
        self.caught_up: list[str] = []

    def choose(self, destination_id: str) -> bool:
        """Take what is due there, at least one where there is any, however large; returns whether there was room."""
        due, number = self._due[destination_id], 0
        if not due:
            self.caught_up.append(destination_id)
            return True
        if len(self.ids) >= LEASE_DELIVERIES or self._bytes >= LEASE_BYTES:
            return False
        for pk, length in due[: LEASE_DELIVERIES - len(self.ids)]:
            if number and self._bytes + length > LEASE_BYTES:
                break
            self.ids.append(pk)
            self._bytes += length
            number += 1
        self.is_more[destination_id] = is_more = number < len(due)
        if not is_more:
            self.caught_up.append(destination_id)
        return True
