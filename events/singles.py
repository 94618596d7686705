"""Requests with one event, the quick way: those that arrive together share one transaction and one batch.

Only what has no fault goes this way. Everything else, from a missing key to an event that may not be published, goes
the long way through `events/api.py`, which reads the request afresh and knows what to answer.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone
from msgspec import UNSET

from common import metrics
from events.authentication import publishers_of
from events.faults import EventInput
from events.group_commit import GroupCommit
from events.publishing import (
    Publisher,
    Receipt,
    accounts_named_by,
    build_batch,
    put_on_one_line,
    refusal_of,
    save_batches,
)

# Larger ones go the long way, so that a batch of many stays small: a run of routing takes 12 MiB.
MAX_SINGLE_BYTES = 32 * 1024
MAX_GROUP = 128


@dataclass(frozen=True, slots=True)
class Single:
    """One checked event, and the digest of the key that publishes it."""

    token_hash: str
    event: EventInput


def publish_single(single: Single) -> Receipt | None:
    """Store the event with those that arrive at the same time; None where its key may not publish it."""
    with metrics.accept_seconds.time():
        event_id = _singles.commit(single)
    if event_id is None:
        return None
    metrics.accepted.inc()
    return Receipt((event_id,))


def save_singles(singles: Sequence[Single]) -> list[str | None]:
    """The ID of each event; inside a transaction."""
    now = timezone.now()
    ids: list[str | None] = [None] * len(singles)
    batches = []
    for (publisher, account_id), indexes in _by_way(singles).items():
        events = [singles[index].event for index in indexes]
        put_on_one_line(events)
        batch, batch_ids = build_batch(account_id, publisher, events, now)
        batches.append(batch)
        for index, event_id in zip(indexes, batch_ids, strict=True):
            ids[index] = event_id
    if batches:
        save_batches(batches)
    return ids


def _by_way(singles: Sequence[Single]) -> dict[tuple[Publisher, str], list[int]]:
    """Which of them may be published, by publisher and account."""
    publishers = publishers_of({single.token_hash for single in singles})
    known: set[str] | None = None
    ways: dict[tuple[Publisher, str], list[int]] = defaultdict(list)
    for index, single in enumerate(singles):
        publisher, event = publishers.get(single.token_hash), single.event
        if publisher is None:
            continue
        if publisher.account_id is None and known is None:
            known = accounts_named_by(each.event for each in singles)
        account_id = publisher.account_id if event.account_id is UNSET else event.account_id
        if account_id is not None and refusal_of(event.event_type, account_id, publisher, known) is None:
            ways[publisher, account_id].append(index)
    return ways


_singles = GroupCommit[Single, str | None](save_singles, max_items=MAX_GROUP)
