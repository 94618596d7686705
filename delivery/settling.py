"""Settling: what calls decided, written in one transaction that only the holder of the lease can make.

A settlement is computed once and can be written again after the database came back: every row it changes is
conditional on the lease token and on the number of attempts so far, so that nothing is counted twice.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import DataError, IntegrityError, connection, transaction
from django.db import Error as DatabaseError
from django.db.models import F, QuerySet
from django.utils import timezone

from common import metrics
from common.clock import database_now
from delivery.claim import Claim
from delivery.load import Load
from delivery.models import Attempt, AttemptPart, DeadLetter, Delivery, Tally
from delivery.retry import next_try
from delivery.settlement import Sent, Settlement, settled
from destinations.models import Destination
from destinations.outcome import RetryableError

log = structlog.get_logger(__name__)

# Calls that end quickly are settled together: a commit costs as much as sending to a near receiver.
SETTLE_EVERY_SECONDS = 0.25
# How long a settlement waits for a database that restarts; the lease ends soon after.
DATABASE_PATIENCE_SECONDS = 10.0
DATABASE_PAUSE_SECONDS = 0.5
# Of these the next try comes to the same.
NEVER_TAKEN = (DataError, IntegrityError)


class LeaseLostError(Exception):
    """The lease ran out and another worker has taken a delivery over."""


class Settling:
    """Collects what calls came to, for all claims of a lease, and writes it."""

    def __init__(self) -> None:
        self._noted: dict[str, tuple[Claim, Load, list[Sent]]] = {}
        self._well: set[str] = set()
        self._settled_at = time.monotonic()

    def note_success(self, destination: Destination) -> None:
        self._well.add(destination.pk)

    def note(self, claimed: Claim, load: Load, sent: Sent) -> None:
        """Raises LeaseLostError."""
        self._noted.setdefault(claimed.destination.pk, (claimed, load, []))[2].append(sent)
        if time.monotonic() - self._settled_at > SETTLE_EVERY_SECONDS:
            self.settle()
            if claimed.is_lost:
                raise LeaseLostError

    def settle(self) -> None:
        """Write what the calls since the last time came to; what another worker has taken over is marked as lost."""
        noted, self._noted = self._noted, {}
        settlements = {pk: Settlement(*each) for pk, each in noted.items()}
        try:
            _write(*settlements.values())
        except (LeaseLostError, *NEVER_TAKEN):
            # One that is lost, or that the database never takes, takes nothing from the others.
            for pk, settlement in settlements.items():
                _write_alone(settlement, noted[pk][0])
        well, self._well = self._well, set()
        if well:
            _patiently(lambda: Destination.objects.filter(pk__in=well).note_success(timezone.now()))
        self._settled_at = time.monotonic()
        for claimed, load, _ in noted.values():
            # Of one that is lost nothing was written, whatever the load says.
            claimed.is_open = claimed.is_lost or any(part.remaining for part in load.parts)


def _write_alone(settlement: Settlement, claimed: Claim) -> None:
    destination = claimed.destination
    try:
        _write(settlement)
    except LeaseLostError:
        # What was sent after the lease arrives twice, with the same event IDs.
        log.warning("lease_lost", destination=destination.pk)
        claimed.is_lost = True
    except NEVER_TAKEN:
        log.exception("settlement_refused", destination=destination.pk)
        claimed.is_lost = True
        # It goes again, but not every few seconds for days.
        error = RetryableError("We could not note what was delivered; it was logged.", code="internal_error")
        now = database_now()
        destination.note_failure(error, next_try(error, destination.consecutive_failures, now), now)


def _write(*settlements: Settlement) -> None:
    if settlements:
        _patiently(lambda: write(*settlements))
    for settlement in settlements:
        _count(settlement)


def _patiently(change: Callable[[], None]) -> None:
    """Make a change to the database; wait for one that is restarting."""
    deadline = time.monotonic() + DATABASE_PATIENCE_SECONDS
    while True:
        try:
            return change()
        except DatabaseError as error:
            if isinstance(error, NEVER_TAKEN) or connection.in_atomic_block or time.monotonic() > deadline:
                raise
            log.warning("settling_waits_for_database", error=str(error))
            connection.close()
            time.sleep(DATABASE_PAUSE_SECONDS)


def write(*settlements: Settlement) -> None:
    """One transaction for settlements of one lease. Raises LeaseLostError, and then nothing is written."""
    with transaction.atomic():
        _write_deliveries(settlements)
        DeadLetter.objects.bulk_create(DeadLetter(**letter) for each in settlements for letter in each.letters)
        Tally.objects.bulk_create(tally for each in settlements for tally in each.deltas.tallies())
        attempts = Attempt.objects.bulk_create(Attempt(**row) for each in settlements for row in each.attempts)
        AttemptPart.objects.bulk_create(_parts(settlements, attempts))


def _write_deliveries(settlements: Sequence[Settlement]) -> None:
    now, token = timezone.now(), settlements[0].token
    whole: dict[int, list[int]] = defaultdict(list)
    for settlement in settlements:
        for attempts, ids in settlement.whole.items():
            whole[attempts] += ids
    for attempts, ids in whole.items():
        _check(_held(token, ids).update(**_delivered_now(attempts, now)), len(ids))
    for settlement in settlements:
        for pk, attempts_before, changed in settlement.others:
            _check(_held(token, [pk]).filter(attempts=attempts_before).update(**changed), 1)


def _held(token: str, ids: Sequence[int]) -> QuerySet[Delivery]:
    return Delivery.objects.waiting().filter(pk__in=ids, lease_token=token)


def _check(found: int, wanted: int) -> None:
    if found != wanted:
        raise LeaseLostError


def _delivered_now(attempts: int, now: datetime) -> dict[str, Any]:
    return {
        "delivered_count": F("count"),
        "attempts": F("attempts") + attempts,
        **settled(Delivery.State.DELIVERED, now),
    }


def _parts(settlements: Sequence[Settlement], attempts: Sequence[Attempt]) -> Iterator[AttemptPart]:
    start = 0
    for settlement in settlements:
        for index, row in settlement.parts:
            yield AttemptPart(attempt=attempts[start + index], **row)
        start += len(settlement.attempts)


def _count(settlement: Settlement) -> None:
    destination, now = settlement.destination, timezone.now()
    metrics.delivered.labels(destination.target).inc(settlement.delivered)
    metrics.dead.labels(destination.target).inc(settlement.dead)
    for delivery in settlement.ended:
        metrics.delivery_seconds.labels(destination.target).observe((now - delivery.routed_at).total_seconds())
    log.debug(
        "settled",
        account=destination.account_id,
        destination=destination.pk,
        deliveries=[delivery.pk for delivery in settlement.ended],
        delivered=settlement.delivered,
        dead=settlement.dead,
    )
