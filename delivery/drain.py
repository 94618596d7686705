"""Draining one destination: claim, pack, send, settle, until nothing is due or the time slice is over."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import NoReturn

import structlog
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from common import metrics, wake
from common.clock import database_now
from delivery import pace, stopping
from delivery.claim import Claim, claim, release, renew
from delivery.load import Load
from delivery.retry import next_try
from delivery.settle import Call, LeaseLostError, Sent, Settlement
from delivery.turn import Turn
from destinations.models import Destination
from destinations.opening import opened
from destinations.outcome import (
    ConfigurationError,
    DeliveryError,
    RefusedError,
    RetryableError,
    SendResult,
    TooLargeError,
)
from destinations.records import Records
from destinations.targets import Target

log = structlog.get_logger(__name__)

# Calls that end quickly are settled together: a commit costs as much as sending to a near receiver.
SETTLE_EVERY_SECONDS = 0.25
# How long a settlement waits for a database that restarts; the lease ends soon after.
DATABASE_PATIENCE_SECONDS = 10.0
DATABASE_PAUSE_SECONDS = 0.5
# Stamps keep this distance from the end of a service's window: it looks later than we do.
AGE_MARGIN = timedelta(minutes=10)


class StopSendingError(Exception):
    """The destination takes nothing more for now, or this worker is to end."""


def drain(destination_id: str, turn: Turn | None = None) -> None:
    """Send what is due. What fails waits for its next attempt; what is left over wakes another job."""
    turn = turn or Turn()
    while turn.may_look() and (claimed := claim(destination_id)) is not None:
        turn.found(size=sum(delivery.bytes for delivery in claimed.deliveries), is_more=claimed.is_more)
        try:
            _Carrier(claimed).run()
        except StopSendingError:
            break
        except LeaseLostError:
            # Another worker took over; what this one sent after its lease arrives twice, with the same event IDs.
            log.warning("lease_lost", destination=destination_id)
            turn.end()
            return
        finally:
            release(claimed)
    else:
        return
    turn.end()
    if claimed.destination.retry_at is None:
        wake.drain(destination_id, slow=claimed.destination.is_failing)


class _Carrier:
    """One claim on its way."""

    def __init__(self, claimed: Claim) -> None:
        self._claimed = claimed
        self._destination = claimed.destination
        self._target = opened(claimed.destination)
        self._load = Load.of(claimed.deliveries)
        self._unsettled: list[Sent] = []
        self._settled_at = time.monotonic()

    def run(self) -> None:
        """Raises StopSendingError, LeaseLostError."""
        try:
            for request in self._target.pack(self._refuse_unfit()):
                self._send(_indexes(request))
                if stopping.is_requested():
                    raise StopSendingError
        finally:
            self._settle()
        pace.after_success(self._claimed)

    def _refuse_unfit(self) -> Records:
        """What can be sent; records that never can become dead letters, never truncated."""
        try:
            dead = _oversize(self._target, self._load.records)
        except DeliveryError as error:
            self._fail(error)
        if self._destination.refuses_too_old and self._target.oldest is not None:
            dead |= _too_old(self._target, self._target.oldest, self._load.records)
        if not dead:
            return self._load.records
        self._unsettled.append(Sent(sorted(dead), call=None, dead=dead))
        return self._load.records.chosen([index for index in range(len(self._load.records)) if index not in dead])

    def _send(self, indexes: Sequence[int]) -> None:
        """Send one request; halve what is too large or holds a record that spoils the rest."""
        renew(self._claimed)
        call = self._call(indexes)
        error = call.error
        if call.result is not None:
            self._note(_answered(indexes, call, call.result))
            self._note_success()
            self._back_off_after_rejections(call.result)
        elif isinstance(error, TooLargeError | RefusedError):
            if len(indexes) == 1:
                self._note(Sent(indexes, call, dead={indexes[0]: (error.code, error.message)}))
                return
            self._note(Sent(indexes, call, kept=indexes))
            middle = len(indexes) // 2
            self._send(indexes[:middle])
            self._send(indexes[middle:])
        elif error is not None:
            try:
                self._note(Sent(indexes, call, kept=indexes))
            finally:
                # Also where the lease ran out meanwhile: else what hangs for longer is never seen to fail.
                self._fail(error)

    def _call(self, indexes: Sequence[int]) -> Call:
        lines = self._load.records
        records = lines[indexes[0] : indexes[-1] + 1] if isinstance(indexes, range) else lines.chosen(indexes)
        started_at, started = timezone.now(), time.perf_counter()
        result, error = None, None
        try:
            result = self._target.send(records)
        except DeliveryError as known:
            error = known
        except Exception:
            log.exception("send_failed", target=self._target.slug, destination=self._destination.pk)
            error = RetryableError("Something went wrong on our side; it was logged.", code="internal_error")
        took = time.perf_counter() - started
        call = Call(started_at, round(took * 1000), sum(map(len, records.lines)), result, error)
        metrics.send_seconds.labels(self._target.slug).observe(took)
        metrics.attempts.labels(self._target.slug, call.outcome).inc()
        return call

    def _note(self, sent: Sent) -> None:
        self._unsettled.append(sent)
        if time.monotonic() - self._settled_at > SETTLE_EVERY_SECONDS:
            self._settle()

    def _settle(self) -> None:
        """Write what the calls since the last time came to; wait for a database that is restarting."""
        unsettled, self._unsettled = self._unsettled, []
        if not unsettled:
            return
        settlement = Settlement(self._claimed, self._load, unsettled)
        deadline = time.monotonic() + DATABASE_PATIENCE_SECONDS
        while True:
            try:
                settlement.write()
                break
            except DatabaseError as error:
                if connection.in_atomic_block or time.monotonic() > deadline:
                    raise
                log.warning("settling_waits_for_database", destination=self._destination.pk, error=str(error))
                connection.close()
                time.sleep(DATABASE_PAUSE_SECONDS)
        self._settled_at = time.monotonic()
        self._count(settlement)

    def _count(self, settlement: Settlement) -> None:
        slug, now = self._target.slug, timezone.now()
        metrics.delivered.labels(slug).inc(settlement.delivered)
        metrics.dead.labels(slug).inc(settlement.dead)
        for delivery in settlement.ended:
            metrics.delivery_seconds.labels(slug).observe((now - delivery.routed_at).total_seconds())
        log.debug(
            "settled",
            account=self._destination.account_id,
            destination=self._destination.pk,
            deliveries=[delivery.pk for delivery in settlement.ended],
            delivered=settlement.delivered,
            dead=settlement.dead,
        )

    def _note_success(self) -> None:
        if self._destination.state == Destination.State.BLOCKED:
            log.info("destination_healed", destination=self._destination.pk)
        if self._destination.is_failing or self._destination.state == Destination.State.BLOCKED or self._is_news():
            self._destination.note_success(timezone.now())

    def _is_news(self) -> bool:
        """The time of the last success is kept to the second: writing it at each call would cost as much as sending."""
        last = self._destination.last_success_at
        return last is None or timezone.now() - last > timedelta(seconds=1)

    def _back_off_after_rejections(self, result: SendResult) -> None:
        """A service that took only some of the records is throttling: give it time before the next request."""
        waiting = [rejection for rejection in result.rejections if rejection.retryable]
        if waiting:
            self._fail(RetryableError(waiting[0].message, code=waiting[0].code))

    def _fail(self, error: DeliveryError) -> NoReturn:
        now, destination = database_now(), self._destination
        if isinstance(error, ConfigurationError):
            log.info("destination_blocked", destination=destination.pk, code=error.code)
            destination.block(error, now)
        else:
            destination.note_failure(error, next_try(error, destination.consecutive_failures, now), now)
            pace.after_failure(self._claimed)
        raise StopSendingError


def _indexes(request: Sequence[object]) -> Sequence[int]:
    if not isinstance(request, Records):
        raise TypeError("A target packs what it was given: slices of its records.")
    return request.indexes


def _answered(indexes: Sequence[int], call: Call, result: SendResult) -> Sent:
    """The fate of each record that the answer decides; rejected ones that may pass later stay open."""
    dead, kept = {}, []
    for rejection in result.rejections:
        if rejection.retryable:
            kept.append(indexes[rejection.index])
        else:
            dead[indexes[rejection.index]] = (rejection.code, rejection.message)
    return Sent(indexes, call, dead, kept)


def _oversize(target: Target, records: Records) -> dict[int, tuple[str, str]]:
    largest = max(map(len, records.lines), default=0)
    if largest <= target.limits.max_record_bytes or largest <= (limit := target.largest_record()):
        return {}
    return {
        index: ("record_too_large", f"The record has {len(line):,} bytes; {target.label} takes {limit:,}.")
        for index, line in enumerate(records.lines)
        if len(line) > limit
    }


def _too_old(target: Target, oldest: timedelta, records: Records) -> dict[int, tuple[str, str]]:
    first_ms = int((timezone.now() - oldest + AGE_MARGIN).timestamp() * 1000)
    reason = f"{target.label} takes no event older than {oldest // timedelta(hours=1)} hours."
    return {index: ("too_old", reason) for index, record in enumerate(records) if record.timestamp_ms < first_ms}
