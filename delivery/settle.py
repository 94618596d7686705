"""Settling: what calls decided, written in one transaction that only the holder of the lease can make.

A settlement is computed once and can be written again after the database came back: every row it changes is
conditional on the lease token and on the number of attempts so far, so that nothing is counted twice.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from delivery.claim import Claim
from delivery.deltas import Deltas
from delivery.lines import event_id_of, event_type_of, types_of
from delivery.load import Load, Part, as_bitmap, is_run, mask_of
from delivery.models import Attempt, AttemptPart, DeadLetter, Delivery
from destinations.models import Destination
from destinations.outcome import DeliveryError, Outcome, SendResult

MAX_MESSAGE = 4000
MAX_CODE = 100


class LeaseLostError(Exception):
    """The lease ran out and another worker has taken the delivery over."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call to the target that has ended, either way."""

    started_at: datetime
    duration_ms: int
    bytes: int
    result: SendResult | None
    error: DeliveryError | None

    @property
    def outcome(self) -> Outcome:
        if self.error is not None:
            return self.error.outcome
        return Outcome.PARTIAL if self.result and self.result.rejections else Outcome.DELIVERED


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of some records of a load, by their indexes: `dead` with code and reason, `kept` for another
    attempt, the others delivered. `call` is None where the fate needed none."""

    indexes: Sequence[int]
    call: Call | None
    dead: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    kept: Sequence[int] = ()


@dataclass(slots=True)
class _Change:
    """What a settlement adds to one delivery."""

    part: Part
    attempts: int = 0
    delivered: int = 0
    dead: int = 0


class Settlement:
    """The rows to write. Making one advances the load; `write` may be repeated."""

    def __init__(self, claimed: Claim, load: Load, sents: Sequence[Sent]) -> None:
        self._token = claimed.token
        self._destination = claimed.destination
        self._load = load
        self._changes: dict[int, _Change] = {}
        self._attempts: list[dict[str, Any]] = []
        self._parts: list[tuple[int, dict[str, Any]]] = []
        self._letters: list[dict[str, Any]] = []
        self._deltas = Deltas()
        for sent in sents:
            self._take(sent)
        self._whole, self._others = self._advance()

    @property
    def delivered(self) -> int:
        return sum(change.delivered for change in self._changes.values())

    @property
    def dead(self) -> int:
        return sum(change.dead for change in self._changes.values())

    @property
    def ended(self) -> list[Delivery]:
        """The deliveries in which nothing is open any more."""
        return [change.part.delivery for change in self._changes.values() if not change.part.remaining]

    def write(self) -> None:
        """One transaction. Raises LeaseLostError, and then nothing is written."""
        now = timezone.now()
        with transaction.atomic():
            for attempts, ids in self._whole.items():
                self._check(self._held(ids).update(**_delivered_now(attempts, now)), len(ids))
            for pk, attempts_before, changed in self._others:
                self._check(self._held([pk]).filter(attempts=attempts_before).update(**changed), 1)
            DeadLetter.objects.bulk_create(DeadLetter(**letter) for letter in self._letters)
            self._deltas.save()
            made = Attempt.objects.bulk_create([Attempt(**attempt) for attempt in self._attempts])
            AttemptPart.objects.bulk_create(AttemptPart(attempt=made[of], **part) for of, part in self._parts)

    def _held(self, ids: Sequence[int]) -> Any:
        return Delivery.objects.waiting().filter(pk__in=ids, lease_token=self._token)

    @staticmethod
    def _check(found: int, wanted: int) -> None:
        if found != wanted:
            raise LeaseLostError

    def _take(self, sent: Sent) -> None:
        if sent.call is not None:
            self._attempts.append(_attempt(self._destination, sent.call, len(sent.indexes)))
        kept_masks = {part.delivery.pk: mask_of(positions) for part, positions in self._load.spans(sent.kept)}
        dead_masks = {part.delivery.pk: mask_of(positions) for part, positions in self._load.spans(sorted(sent.dead))}
        for part, positions in self._load.spans(sent.indexes):
            pk = part.delivery.pk
            self._take_part(sent, part, positions, kept_masks.get(pk, 0), dead_masks.get(pk, 0))
        self._letters += [self._letter(index, *why) for index, why in sent.dead.items()]

    def _take_part(self, sent: Sent, part: Part, positions: Sequence[int], kept: int, dead: int) -> None:
        carried = mask_of(positions)
        delivered = carried & ~kept & ~dead
        change = self._changes.setdefault(part.delivery.pk, _Change(part))
        counts = {"delivered": delivered.bit_count(), "dead": dead.bit_count(), "retried": kept.bit_count()}
        change.delivered += counts["delivered"]
        change.dead += counts["dead"]
        if delivered:
            self._deltas.add(part.delivery, "delivered", self._types(part, delivered))
        if dead:
            self._deltas.add(part.delivery, "dead", self._types(part, dead))
        part.remaining &= ~(delivered | dead)
        if sent.call is None:
            return
        change.attempts += 1
        length = part.delivery.count
        row = {
            "delivery_id": part.delivery.pk,
            "first": positions[0],
            "last": positions[-1],
            "carried": None if is_run(positions) else as_bitmap(carried, length),
            "kept": as_bitmap(kept | dead, length) if 0 < counts["delivered"] < len(positions) else None,
            **counts,
        }
        self._parts.append((len(self._attempts) - 1, row))

    def _types(self, part: Part, mask: int) -> Mapping[str, int]:
        """How many of these records there are of each event type."""
        types: Mapping[str, int] = part.delivery.types
        number = mask.bit_count()
        if number == part.delivery.count and types:
            return types
        if len(types) == 1:
            return dict.fromkeys(types, number)
        lines = self._load.records.lines[part.start : part.end]
        return types_of(line for line, position in zip(lines, part.positions, strict=True) if mask >> position & 1)

    def _letter(self, index: int, code: str, reason: str) -> dict[str, Any]:
        part, position = self._load.place(index)
        line = self._load.records.lines[index]
        return {
            "account_id": part.delivery.account_id,
            "delivery_id": part.delivery.pk,
            "destination_id": part.delivery.destination_id,
            "subscription_id": part.delivery.subscription_id,
            "position": position,
            "event_id": event_id_of(line),
            "event_type": event_type_of(line),
            "code": (code or "refused")[:MAX_CODE],
            "reason": reason,
            "payload": line,
        }

    def _advance(self) -> tuple[dict[int, list[int]], list[tuple[int, int, dict[str, Any]]]]:
        """The deliveries that end here with every record delivered, by number of attempts; the others one by one."""
        whole: dict[int, list[int]] = defaultdict(list)
        others = []
        for pk, change in self._changes.items():
            delivery, before = change.part.delivery, change.part.delivery.attempts
            delivery.attempts += change.attempts
            delivery.delivered_count += change.delivered
            delivery.dead_count += change.dead
            if not change.part.remaining and not before and not delivery.dead_count:
                whole[change.attempts].append(pk)
            else:
                others.append((pk, before, _changed(change.part)))
        return whole, others


def _delivered_now(attempts: int, now: datetime) -> dict[str, Any]:
    return {
        "delivered_count": F("count"),
        "attempts": F("attempts") + attempts,
        **_settled(Delivery.State.DELIVERED, now),
    }


def _changed(part: Part) -> dict[str, Any]:
    delivery = part.delivery
    changed: dict[str, Any] = {
        "delivered_count": delivery.delivered_count,
        "dead_count": delivery.dead_count,
        "attempts": delivery.attempts,
    }
    if part.remaining:
        full = part.remaining.bit_count() == delivery.count
        return changed | {"remaining": None if full else as_bitmap(part.remaining, delivery.count)}
    state = Delivery.State.DELIVERED if delivery.delivered_count else Delivery.State.DEAD
    return changed | _settled(state, timezone.now())


def _settled(state: Delivery.State, now: datetime) -> dict[str, Any]:
    return {"state": state, "settled_at": now, "payload": None, "remaining": None, "lease_expires_at": None}


def _attempt(destination: Destination, call: Call, records: int) -> dict[str, Any]:
    answer = call.error or call.result
    rejections = call.result.rejections if call.result else ()
    message = call.error.said or call.error.message if call.error else (rejections[0].message if rejections else "")
    return {
        "destination_id": destination.pk,
        "destination_revision": destination.revision,
        "started_at": call.started_at,
        "duration_ms": call.duration_ms,
        "outcome": call.outcome,
        "code": (answer.code if answer else "")[:MAX_CODE],
        "message": message[:MAX_MESSAGE],
        "request_id": (answer.request_id if answer else "")[:MAX_CODE],
        "records": records,
        "bytes": call.bytes,
    }
