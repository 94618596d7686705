"""What calls decided about one claim, as the rows to write (delivery/settling.py)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from delivery.claim import Claim
from delivery.deltas import Deltas
from delivery.lines import event_id_of, event_type_of, types_of
from delivery.load import Load, Part, as_bitmap, is_run, mask_of
from delivery.models import Delivery
from destinations.models import Destination
from destinations.outcome import DeliveryError, Outcome, SendResult

MAX_MESSAGE = 4000
MAX_CODE = 100


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
    """The rows to write. Making one advances the load; writing it may be repeated.

    `whole`: the deliveries that end here with every record delivered, by number of attempts; `others`: each other one
    with the attempts before and its new columns; `parts`: each with the index of its attempt.
    """

    def __init__(self, claimed: Claim, load: Load, sents: Sequence[Sent]) -> None:
        self.token = claimed.token
        self.destination = claimed.destination
        self._load = load
        self._changes: dict[int, _Change] = {}
        self.attempts: list[dict[str, Any]] = []
        self.parts: list[tuple[int, dict[str, Any]]] = []
        self.letters: list[dict[str, Any]] = []
        self.deltas = Deltas()
        for sent in sents:
            self._take(sent)
        self.whole, self.others = self._advance()

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

    def _take(self, sent: Sent) -> None:
        if sent.call is not None:
            self.attempts.append(_attempt(self.destination, sent.call, len(sent.indexes)))
        kept_masks = {part.delivery.pk: mask_of(positions) for part, positions in self._load.spans(sent.kept)}
        dead_masks = {part.delivery.pk: mask_of(positions) for part, positions in self._load.spans(sorted(sent.dead))}
        for part, positions in self._load.spans(sent.indexes):
            pk = part.delivery.pk
            self._take_part(sent, part, positions, kept_masks.get(pk, 0), dead_masks.get(pk, 0))
        self.letters += [self._letter(index, *why) for index, why in sent.dead.items()]

    def _take_part(self, sent: Sent, part: Part, positions: Sequence[int], kept: int, dead: int) -> None:
        carried = mask_of(positions)
        delivered = carried & ~kept & ~dead
        change = self._changes.setdefault(part.delivery.pk, _Change(part))
        counts = {"delivered": delivered.bit_count(), "dead": dead.bit_count(), "retried": kept.bit_count()}
        change.delivered += counts["delivered"]
        change.dead += counts["dead"]
        if delivered:
            self.deltas.add(part.delivery, "delivered", self._types(part, delivered))
        if dead:
            self.deltas.add(part.delivery, "dead", self._types(part, dead))
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
        self.parts.append((len(self.attempts) - 1, row))

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
    return changed | settled(state, timezone.now())


def settled(state: Delivery.State, now: datetime) -> dict[str, Any]:
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
