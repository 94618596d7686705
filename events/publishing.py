"""Accepting events: they are stored before the answer, and waked for routing after the commit."""

import hashlib
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any

import msgspec
import orjson
from django.db import IntegrityError, transaction
from django.utils import timezone
from msgspec import UNSET, Raw

from accounts.models import Account
from common import metrics, payloads, rows, wake
from common.ids import new_ids
from events.envelope import Envelope, encode_lines
from events.faults import ACCOUNT, OBJECT, PRINCIPAL, STAMP, TYPE, EventInput, Fault
from events.intake import Intake, read_body, read_values
from events.models import EventBatch, PublishRequest

# What this product publishes about itself; nobody else may claim these.
OWN_OBJECTS = ("api_key_", "event_destination_", "event_subscription_")
# Below this a frame costs more than it saves.
COMPRESS_FROM_EVENTS = 2
# A request takes some four times the size of its body until it is stored, and a web process has 32 threads: so many
# large ones are worked on at once, since more of them would only share the processor and the memory.
LARGE_BYTES = 1024 * 1024
MOST_LARGE = 4
LARGE_PATIENCE_SECONDS = 10.0

_large = threading.BoundedSemaphore(MOST_LARGE)


class BusyError(Exception):
    """So many large requests are under way that this one found no room in time. Nothing was accepted of it."""

    def __init__(self) -> None:
        super().__init__("Too many large requests are under way, so nothing was accepted. Send the request again.")


class IdempotencyConflictError(Exception):
    """The Idempotency-Key was used before, with another body."""


class RefusedError(Exception):
    """Nothing was accepted: some events have faults, and the caller did not ask for `partial`."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} events were refused; nothing was accepted.")
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who publishes: their ID, the account their events belong to unless they name one, and what they may do."""

    id: str
    account_id: str | None = None
    allowed_accounts: frozenset[str] | None = None
    allowed_types: frozenset[str] | None = None
    is_internal: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a request: the IDs of accepted events in their order, and the faults of the others."""

    event_ids: tuple[str, ...]
    faults: tuple[Fault, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "accepted": len(self.event_ids),
            "event_ids": list(self.event_ids),
            "rejected": [fault.as_dict() for fault in self.faults],
        }

    def as_json(self) -> bytes:
        return orjson.dumps(self.as_dict())

    @classmethod
    def from_dict(cls, answer: Mapping[str, Any]) -> "Receipt":
        faults = tuple(Fault(**fault) for fault in answer["rejected"])
        return cls(tuple(answer["event_ids"]), faults)


SYSTEM_PUBLISHER = Publisher("system", is_internal=True)


def publish(
    events: Iterable[Mapping[str, Any]], *, account: Account, publisher: Publisher = SYSTEM_PUBLISHER
) -> Receipt:
    """Publish values from inside the product; raises RefusedError when any has a fault."""
    now = timezone.now()
    intake = read_values(list(events), now=now)
    own = Publisher(publisher.id, account.pk, is_internal=publisher.is_internal)
    return _store(intake, own, partial=False, now=now, idempotency=None)


def publish_body(
    body: bytes, *, publisher: Publisher, partial: bool = False, idempotency_key: str | None = None
) -> Receipt:
    """Publish a request body (JSON object, array or NDJSON, at most 5 MiB and 10,000 events).

    Raises BodyError, RefusedError (unless `partial`), IdempotencyConflictError, BusyError.
    """
    idempotency = None
    if idempotency_key:
        idempotency = (idempotency_key, hashlib.sha256(body + (b"partial" if partial else b"")).hexdigest())
        if (earlier := _earlier_answer(publisher, *idempotency)) is not None:
            return earlier
    now = timezone.now()
    with metrics.accept_seconds.time(), _room_for(body):
        intake = read_body(body, now=now)
        return _store(intake, publisher, partial=partial, now=now, idempotency=idempotency)


@contextmanager
def _room_for(body: bytes) -> Iterator[None]:
    if len(body) <= LARGE_BYTES:
        yield
        return
    if not _large.acquire(timeout=LARGE_PATIENCE_SECONDS):
        raise BusyError
    try:
        yield
    finally:
        _large.release()


def _store(
    intake: Intake, publisher: Publisher, *, partial: bool, now: datetime, idempotency: tuple[str, str] | None
) -> Receipt:
    by_account = _authorize(intake, publisher)
    if intake.faults and not (partial and by_account):
        raise RefusedError(intake.faults)
    ids: list[str | None] = [None] * len(intake.events)
    batches = []
    for account_id, positions in by_account.items():
        given = [intake.events[position] for position in positions]
        if intake.is_multiline:
            put_on_one_line(given)
        batch, batch_ids = build_batch(account_id, publisher, given, now)
        batches.append(batch)
        for position, event_id in zip(positions, batch_ids, strict=True):
            ids[position] = event_id
    receipt = Receipt(tuple(filter(None, ids)), tuple(intake.faults))
    receipt = _commit(batches, publisher, idempotency, receipt)
    metrics.accepted.inc(len(receipt.event_ids))
    return receipt


def _authorize(intake: Intake, publisher: Publisher) -> dict[str, list[int]]:
    """Positions of the events by account; those that the publisher may not publish become faults."""
    by_account: dict[str, list[int]] = defaultdict(list)
    known = None if publisher.account_id else accounts_named_by(intake.events)
    # Whether it may be published depends on type and account alone, and most requests have one of each.
    refusals: dict[tuple[str, str | None], tuple[str, str] | None] = {}
    for position, way in enumerate(zip(map(TYPE, intake.events), map(ACCOUNT, intake.events), strict=True)):
        account_id = publisher.account_id if way[1] is UNSET else way[1]
        if way not in refusals:
            refusals[way] = refusal_of(way[0], account_id, publisher, known)
        if (refusal := refusals[way]) is not None:
            intake.faults.append(Fault(intake.indexes[position], *refusal))
        elif account_id is not None:
            by_account[account_id].append(position)
    intake.faults.sort(key=lambda fault: fault.index)
    return by_account


def accounts_named_by(events: Iterable[EventInput]) -> set[str]:
    """Those that exist and are not suspended."""
    named = {event.account_id for event in events if isinstance(event.account_id, str)}
    return set(Account.objects.filter(pk__in=named, suspended_at=None).values_list("pk", flat=True)) if named else set()


def refusal_of(
    event_type: str, account_id: str | None, publisher: Publisher, known: set[str] | None
) -> tuple[str, str] | None:
    """Code and message of the fault; None where it may be published."""
    if not publisher.is_internal and event_type.startswith(OWN_OBJECTS):
        return "type_not_allowed", f"{event_type} is published by this product itself, never from outside."
    if publisher.allowed_types is not None and event_type not in publisher.allowed_types:
        return "type_not_allowed", f"This key may not publish {event_type}."
    if account_id is None:
        return "no_account", "account_id is missing: a publisher key's events name their account."
    foreign = account_id != publisher.account_id if publisher.account_id else account_id not in (known or ())
    closed = publisher.allowed_accounts is not None and account_id not in publisher.allowed_accounts
    if foreign or closed:
        return "unknown_account", f"There is no account {account_id!r} that this key may publish for."
    return None


def build_batch(
    account_id: str, publisher: Publisher, events: Sequence[EventInput], now: datetime
) -> tuple[EventBatch, list[str]]:
    ids = new_ids("ev", len(events))
    columns = map(TYPE, events), map(STAMP, events), repeat(account_id), map(PRINCIPAL, events), map(OBJECT, events)
    ndjson = encode_lines(list(map(Envelope, ids, *columns)))
    compress = len(events) >= COMPRESS_FROM_EVENTS
    batch = EventBatch(
        account_id=account_id,
        publisher=publisher.id,
        accepted_at=now,
        count=len(ids),
        bytes=len(ndjson),
        first_event_id=ids[0],
        last_event_id=ids[-1],
        types=Counter(map(TYPE, events)),
        encoding=EventBatch.Encoding.ZSTD if compress else EventBatch.Encoding.RAW,
        payload=payloads.compress(ndjson) if compress else ndjson,
    )
    return batch, ids


def put_on_one_line(events: Iterable[EventInput]) -> None:
    for event in events:
        event.principal, event.object = _one_line(event.principal), _one_line(event.object)


def _one_line(raw: Raw) -> Raw:
    # Raw keeps the line ends of pretty-printed JSON, which would break NDJSON.
    data = bytes(raw)
    return Raw(msgspec.json.format(raw, indent=-1)) if b"\n" in data or b"\r" in data else raw


def _commit(
    batches: Sequence[EventBatch], publisher: Publisher, idempotency: tuple[str, str] | None, receipt: Receipt
) -> Receipt:
    try:
        with transaction.atomic():
            if idempotency is not None:
                key, body_hash = idempotency
                PublishRequest.objects.create(
                    publisher=publisher.id, idempotency_key=key, body_hash=body_hash, answer=receipt.as_dict()
                )
            save_batches(batches)
    except IntegrityError:
        # The same key came twice at once: the other request has won and its answer counts.
        if idempotency is None or (earlier := _earlier_answer(publisher, *idempotency)) is None:
            raise
        return earlier
    return receipt


def save_batches(batches: Sequence[EventBatch]) -> None:
    """Insert and wake; runs inside a transaction."""
    rows.insert(batches)
    for account_id in {batch.account_id for batch in batches}:
        wake.route(account_id)


def _earlier_answer(publisher: Publisher, key: str, body_hash: str) -> Receipt | None:
    earlier = PublishRequest.objects.filter(publisher=publisher.id, idempotency_key=key).first()
    if earlier is None:
        return None
    if earlier.body_hash != body_hash:
        raise IdempotencyConflictError(
            f"The Idempotency-Key {key!r} was used before with another body. Use a new key for a new request."
        )
    return Receipt.from_dict(earlier.answer)
