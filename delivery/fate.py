"""What became of one event: for every subscription and destination its one current fate, and the story before it.

Found from the ID alone: the batch by the range its IDs lie in, the decision from the outcome's bitmap, the record's
position in its delivery by counting bits. The number of queries depends on how often a record was moved or replayed,
not on how much is stored.
"""

import base64
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q

from accounts.models import Account
from common import bitmap
from common.ids import distance, is_id
from delivery.decide import batch_events
from delivery.models import AttemptPart, Delivery, ReplayedBatch, RoutedBatch
from delivery.tracing import Stop, delivered, follow
from destinations.models import Destination
from events.by_id import find_batch
from events.models import EventBatch
from subscriptions.models import Subscription


class State(StrEnum):
    NOT_ROUTED = "not_routed"
    NOT_SUBSCRIBED = "not_subscribed"
    FILTERED = "filtered"
    FILTER_ERROR = "filter_error"
    UNDECIDED = "undecided"
    EXPIRED_UNDECIDED = "expired_undecided"
    NO_DESTINATION = "no_destination"
    HELD = "held"
    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    DISCARDED = "discarded"
    MOVED = "moved"
    PRUNED = "pruned"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing in the story of a record at a destination: an attempt, or how it ended there."""

    at: datetime
    what: str
    delivery: int | None = None
    attempt: int | None = None
    code: str = ""
    message: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Fate:
    """The current fate for one subscription and destination. `destination` is empty where none was concerned.

    `reason` is a sentence for dead, held, undecided and filter errors; `delivery` and `attempt` are row IDs.
    """

    subscription: str
    state: State
    revision: int | None = None
    destination: str = ""
    delivery: int | None = None
    attempt: int | None = None
    at: datetime | None = None
    code: str = ""
    reason: str = ""
    request_id: str = ""
    history: Sequence[Happening] = ()


@dataclass(slots=True)
class EventFate:
    """One accepted event. `event_type` is empty where the payload is pruned and the batch held several types."""

    event_id: str
    batch_id: int | None
    position: int
    event_type: str
    accepted_at: datetime
    routed_at: datetime | None = None
    is_payload_kept: bool = False
    fates: list[Fate] = field(default_factory=list)


def fate_of(account: Account, event_id: str) -> EventFate | None:
    """None when the account never had such an event; of one that is forgotten by now only the time is told."""
    if not is_id(event_id, "ev"):
        return None
    batch = find_batch(account.pk, event_id)
    if batch is None:
        return None
    position = distance(batch.first_event_id, event_id)
    event_type = _event_type(batch, position)
    found = EventFate(event_id, batch.pk, position, event_type, batch.accepted_at, batch.routed_at)
    found.is_payload_kept = batch.payload is not None
    rows = list(RoutedBatch.objects.select_related("routing").filter(event_batch=batch).order_by("pk"))
    if not rows:
        state = State.PRUNED if batch.routed_at else State.NOT_ROUTED
        existing = Subscription.objects.existing().filter(account=account).order_by("pk")
        found.fates = [Fate(pk, state) for pk in existing.values_list("pk", flat=True)]
        return found
    found.fates = list(_fates(found, batch, rows, account))
    return found


def _event_type(batch: EventBatch, position: int) -> str:
    if len(batch.types) == 1:
        return str(next(iter(batch.types)))
    return batch_events(batch)[position].event_type if batch.payload is not None else ""


def _fates(found: EventFate, batch: EventBatch, rows: Sequence[RoutedBatch], account: Account) -> Iterator[Fate]:
    decided = _decided_in(rows, found.event_type)
    outcome = {pk: part for pk, (_, part) in decided.items()}
    starts = _replayed_starts(batch, found)
    for row in rows:
        matched = [part for own, part in decided.values() if own is row and _bit(part, found.position)]
        starts += _routed_starts(row, matched, found.position)
    by_way: dict[str, dict[str, list[Stop]]] = defaultdict(lambda: defaultdict(list))
    for stop in follow(starts, found.event_id):
        by_way[stop.delivery.subscription_id][stop.delivery.destination_id].append(stop)
    for subscription, existed in _subscriptions(account, rows[0].routing.routed_at):
        part, ways = outcome.get(subscription), by_way.get(subscription, {})
        yield from (_fate_there(way) for way in ways.values())
        if ways and (part is None or _bit(part, found.position)):
            continue
        if part is not None:
            yield _decided(subscription, part, found)
        elif existed:
            yield Fate(subscription, State.NOT_SUBSCRIBED)


def _subscriptions(account: Account, at: datetime) -> Iterator[tuple[str, bool]]:
    """Every one that the account ever had, and whether it existed then: compared there, as a thousand times to be read
    and compared here take longer than all the rest."""
    existed = Q(created_at__lte=at) & (Q(deleted_at=None) | Q(deleted_at__gt=at))
    every = Subscription.objects.filter(account=account).order_by("pk")
    yield from every.values_list("pk", ExpressionWrapper(existed, output_field=BooleanField()))


def _bit(part: Mapping[str, Any], position: int) -> bool:
    return bitmap.is_set(base64.b64decode(part["matched_bits"]), position)


def _decided(subscription: str, part: Mapping[str, Any], found: EventFate) -> Fate:
    """What routing decided where nothing was sent on."""
    revision = part["revision"]
    if _bit(part, found.position):
        return Fate(subscription, State.NO_DESTINATION, revision, at=found.routed_at)
    if found.position in part["errors"]:
        reason = "The filter ended in an error on this event, such as a field that it lacks."
        return Fate(subscription, State.FILTER_ERROR, revision, at=found.routed_at, reason=reason)
    if found.event_type in part["undecided_types"] or 0 < part["undecided"] == part["of_types"]:
        reason = "The filter does not compile any more; mending it decides."
        return Fate(subscription, State.UNDECIDED, revision, at=found.routed_at, reason=reason)
    if _is_expired(part, found.event_type):
        reason = "Its filter did not compile, and nobody mended it in time."
        return Fate(subscription, State.EXPIRED_UNDECIDED, revision, at=found.routed_at, reason=reason)
    if not _takes(part, found.event_type):
        return Fate(subscription, State.NOT_SUBSCRIBED, revision)
    return Fate(subscription, State.FILTERED, revision, at=found.routed_at)


def _is_expired(part: Mapping[str, Any], event_type: str) -> bool:
    """Of an unknown type only where it is so for all types."""
    expired = part.get("expired_types", [])
    return event_type in expired or bool(expired and not event_type and set(expired) == set(part["types"]))


def _decided_in(rows: Sequence[RoutedBatch], event_type: str) -> dict[str, tuple[RoutedBatch, Mapping[str, Any]]]:
    """For each subscription the row that decided about the type: the first, or one after its filter was mended."""
    found: dict[str, tuple[RoutedBatch, Mapping[str, Any]]] = {}
    for row in rows:
        for part in row.outcome:
            if part["subscription"] not in found or _takes(part, event_type):
                found[part["subscription"]] = row, part
    return found


def _takes(part: Mapping[str, Any], event_type: str) -> bool:
    """Whether the part is about this type; about any, where the type is unknown."""
    return not event_type or event_type in part["types"]


def _routed_starts(
    routed: RoutedBatch, matched: Sequence[Mapping[str, Any]], position: int
) -> list[tuple[Delivery, int]]:
    if not matched:
        return []
    ranks = {part["subscription"]: bitmap.rank(base64.b64decode(part["matched_bits"]), position) for part in matched}
    earlier = RoutedBatch.objects.filter(routing=routed.routing_id, position__lt=routed.position)
    for outcome in earlier.values_list("outcome", flat=True):
        for part in outcome:
            if part["subscription"] in ranks:
                ranks[part["subscription"]] += part["matched"]
    deliveries = Delivery.objects.filter(routing=routed.routing_id, subscription__in=ranks)
    return [
        (delivery, ranks[delivery.subscription_id])
        for delivery in deliveries.select_related("destination", "subscription").defer("payload").order_by("pk")
    ]


def _replayed_starts(batch: EventBatch, found: EventFate) -> list[tuple[Delivery, int]]:
    rows = ReplayedBatch.objects.filter(event_batch=batch).defer("delivery__payload")
    return [
        (row.delivery, row.start + bitmap.rank(row.bits, found.position))
        for row in rows.select_related("delivery__destination", "delivery__subscription").order_by("pk")
        if bitmap.is_set(row.bits, found.position)
    ]


def _fate_there(stops: Sequence[Stop]) -> Fate:
    """The fate of the last delivery to a destination, with what happened in all of them."""
    last = max(stops, key=lambda stop: stop.delivery.pk)
    delivery = last.delivery
    history = sorted((each for stop in stops for each in _story(stop)), key=lambda each: each.at)
    state, told = _ended(last)
    return Fate(
        delivery.subscription_id,
        state,
        delivery.revision,
        delivery.destination_id,
        delivery.pk,
        history=history,
        **told,
    )


def _ended(stop: Stop) -> tuple[State, dict[str, Any]]:
    delivery, letter = stop.delivery, stop.letter
    if letter is not None:
        return State.DEAD, {"at": letter.died_at, "code": letter.code, "reason": letter.reason}
    if stop.is_open:
        return _open_state(delivery)
    if stop.was_given_up:
        return State(delivery.state), {"at": delivery.settled_at}
    part = stop.delivered_by()
    if part is None:
        # The attempts are pruned before the delivery is.
        return State.DELIVERED, {"at": delivery.settled_at}
    attempt = part.attempt
    told = {"at": attempt.started_at, "attempt": attempt.pk, "code": attempt.code, "request_id": attempt.request_id}
    return State.DELIVERED, told


def _open_state(delivery: Delivery) -> tuple[State, dict[str, Any]]:
    destination = delivery.destination
    told: dict[str, Any] = {"at": delivery.routed_at}
    if delivery.subscription.state == Subscription.State.PAUSED:
        return State.HELD, told | {"reason": "The subscription is paused."}
    if destination.state == Destination.State.PAUSED:
        return State.HELD, told | {"reason": "The destination is paused."}
    if destination.state == Destination.State.BLOCKED:
        return State.HELD, told | {"code": destination.error_code, "reason": destination.error_message}
    return State.WAITING, told | {"code": destination.error_code, "reason": destination.error_message}


def _story(stop: Stop) -> Iterator[Happening]:
    delivery = stop.delivery
    yield Happening(delivery.routed_at, "routed" if delivery.routing_id else "replayed", delivery.pk)
    for part in stop.parts:
        yield _attempted(part, stop)
    if stop.letter is not None:
        yield Happening(stop.letter.died_at, "dead", delivery.pk, code=stop.letter.code, message=stop.letter.reason)
    elif stop.was_given_up and delivery.settled_at is not None:
        yield Happening(delivery.settled_at, delivery.state, delivery.pk)


def _attempted(part: AttemptPart, stop: Stop) -> Happening:
    attempt = part.attempt
    what = "delivered" if delivered(part, stop.position) else "refused" if stop.letter else "to be retried"
    return Happening(
        attempt.started_at, what, stop.delivery.pk, attempt.pk, attempt.code, attempt.message, attempt.request_id
    )
