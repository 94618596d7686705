"""Carrying one claim: pack its records into requests, send them, and tell what became of each record."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NoReturn

import structlog
from django.db import Error as DatabaseError
from django.utils import timezone

from common import metrics
from common.clock import database_now
from common.crypto import SecretUnreadableError
from delivery import pace, stopping
from delivery.claim import Claim
from delivery.load import Load
from delivery.retry import next_try
from delivery.settlement import Call, Sent
from delivery.settling import Settling
from destinations.models import PROBE_INTERVAL, Destination
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

# Stamps keep this distance from the end of a service's window: it looks later than we do.
AGE_MARGIN = timedelta(minutes=10)
# The time of the last success is kept to the second: writing it at each call would cost as much as sending.
NEWS_AFTER = timedelta(seconds=1)
# After so long a claim makes room: a service that takes seconds for each request would keep its worker for minutes.
CLAIM_SECONDS = 10.0


class StopSendingError(Exception):
    """This claim is not carried on, though more of it is due: it is time for others, or this worker is to end."""


class PutOffError(Exception):
    """The destination takes nothing more for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"To be tried again after {seconds:.1f} s.")
        self.seconds = seconds


class Carrier:
    """One claim on its way. `send` makes the call: a worker with more claims looks after them meanwhile.

    Making one opens the target, and so raises PutOffError where its secret can't be read.
    """

    def __init__(self, claimed: Claim, settling: Settling, send: Callable[[Target, Records], SendResult]) -> None:
        self._claimed = claimed
        self._destination = claimed.destination
        self._settling = settling
        self._make_call = send
        self._target = self._open()
        self._load = Load.of(claimed.deliveries)
        self._ends_at = time.monotonic() + CLAIM_SECONDS
        self._has_progressed = False

    def _open(self) -> Target:
        try:
            return opened(self._destination)
        except SecretUnreadableError:
            log.error("secret_unreadable", destination=self._destination.pk)  # noqa: TRY400 - the reason is known
            told = "The stored secret can't be read any more."
            self._fail(ConfigurationError(told, code="no_secret", remedy="Type it again."))

    def carry(self) -> None:
        """Raises StopSendingError, PutOffError, LeaseLostError."""
        for request in self._target.pack(self._refuse_unfit()):
            self._make_room()
            self._send(_indexes(request))
        pace.after_success(self._claimed)

    def _make_room(self) -> None:
        """Stop between two calls where that is asked for, or it is time for others."""
        if stopping.is_requested() or self._claimed.is_stopped:
            raise StopSendingError
        # The next claim begins anew, with halving too, so that none may end before it came to anything.
        if self._has_progressed and time.monotonic() > self._ends_at:
            self._claimed.is_behind = True
            pace.after_success(self._claimed)
            raise StopSendingError

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
        self._note(Sent(sorted(dead), call=None, dead=dead))
        return self._load.records.chosen([index for index in range(len(self._load.records)) if index not in dead])

    def _send(self, indexes: Sequence[int]) -> None:
        """Send one request; halve what is too large or holds a record that spoils the rest."""
        call = self._call(indexes)
        error = call.error
        if call.result is not None:
            self._note(_answered(indexes, call, call.result))
            if len(call.result.rejections) < len(indexes):
                self._note_success()
            self._back_off_after_rejections(call.result)
        elif isinstance(error, TooLargeError | RefusedError):
            if len(indexes) == 1:
                self._note(Sent(indexes, call, dead={indexes[0]: (error.code, error.message)}))
                return
            self._note(Sent(indexes, call, kept=indexes))
            middle = len(indexes) // 2
            for half in (indexes[:middle], indexes[middle:]):
                self._make_room()
                self._send(half)
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
            result = self._make_call(self._target, records)
        except DeliveryError as known:
            error = known
        except DatabaseError:
            # Of our own, while the call was under way: the service did nothing wrong.
            raise
        except Exception:
            log.exception("send_failed", target=self._target.slug, destination=self._destination.pk)
            error = RetryableError("Something went wrong on our side; it was logged.", code="internal_error")
        took = time.perf_counter() - started
        call = Call(started_at, round(took * 1000), sum(map(len, records.lines)), result, error)
        metrics.send_seconds.labels(self._target.slug).observe(took)
        metrics.attempts.labels(self._target.slug, call.outcome).inc()
        return call

    def _note(self, sent: Sent) -> None:
        self._has_progressed |= len(sent.kept) < len(sent.indexes)
        self._settling.note(self._claimed, self._load, sent)

    def _note_success(self) -> None:
        destination = self._destination
        if destination.is_failing or destination.state == Destination.State.BLOCKED:
            if destination.state == Destination.State.BLOCKED:
                log.info("destination_healed", destination=destination.pk)
            destination.note_success(timezone.now())
        elif destination.last_success_at is None or timezone.now() - destination.last_success_at > NEWS_AFTER:
            self._settling.note_success(destination)

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
            raise PutOffError(PROBE_INTERVAL.total_seconds())
        retry_at = next_try(error, destination.consecutive_failures, now)
        destination.note_failure(error, retry_at, now)
        pace.after_failure(self._claimed)
        raise PutOffError((retry_at - now).total_seconds())


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
    return {index: ("too_old", reason) for index, stamp in enumerate(records.timestamps_ms) if stamp < first_ms}
