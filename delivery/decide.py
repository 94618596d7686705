"""Deciding: which subscription takes which events, and as what record. Pure computation on one run's batches."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from common import payloads
from events.envelope import Envelope, Lines, decode_lines, object_of
from events.models import EventBatch
from events.projection import Projection
from subscriptions.plan import Plan, PlannedSource, PlannedSubscription

# By projection, None for whole events: the records that were made of a batch, by their index.
Shared = dict[Projection | None, dict[int, bytes]]


@dataclass(slots=True)
class BatchOutcome:
    """What one subscription takes from one batch."""

    of_types: int = 0
    matched: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    undecided: int = 0


@dataclass(slots=True)
class Taken:
    """What one subscription takes in the whole run: lines in the order of acceptance, and counts by event type."""

    subscription: PlannedSubscription
    lines: list[bytes] = field(default_factory=list)
    matched: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    filtered: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    undecided: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(slots=True)
class Run:
    """The result of a run before it is written."""

    account_id: str
    plan: Plan
    batches: Sequence[EventBatch]
    outcomes: list[dict[str, BatchOutcome]] = field(default_factory=list)
    taken: dict[str, Taken] = field(default_factory=dict)


def decide(account_id: str, plan: Plan, batches: Sequence[EventBatch]) -> Run:
    """Decode each batch once for all subscriptions, then filter and project."""
    run = Run(account_id, plan, batches)
    for position, batch in enumerate(batches):
        run.outcomes.append({})
        if not plan.by_type.keys().isdisjoint(batch.types):
            _Deciding(run, position, batch).decide()
    return run


def batch_lines(batch: EventBatch) -> bytes:
    """The NDJSON of the batch's events."""
    blob = bytes(batch.payload or b"")
    return payloads.decompress(blob) if batch.encoding == EventBatch.Encoding.ZSTD else blob


def batch_events(batch: EventBatch) -> list[Envelope]:
    return decode_lines(batch_lines(batch))


class _Deciding:
    """One batch of a run on its way."""

    def __init__(self, run: Run, position: int, batch: EventBatch) -> None:
        self._run = run
        self._position = position
        self._types = batch.types
        self._ndjson = batch_lines(batch)
        self._lines = Lines(self._ndjson)
        # By subscription, one part for each of its event types: indexes in the batch, and their records.
        self._parts: dict[str, list[tuple[list[int], list[bytes]]]] = defaultdict(list)

    def decide(self) -> None:
        reader = self._run.plan.lines_reader(self._types)
        for event_type, indexes, objects in reader.read(self._ndjson, self._lines):
            sources = self._run.plan.by_type.get(event_type, ())
            # Sources with the same projection share its records: their memory as well as their time.
            records: Shared | None = {} if len(sources) > 1 else None
            for source in sources:
                self._decide_source(source, event_type, indexes, objects, records)
        for subscription_id, parts in self._parts.items():
            self._run.taken[subscription_id].lines += _in_order(parts)

    def _decide_source(
        self,
        source: PlannedSource,
        event_type: str,
        indexes: list[int],
        objects: list[Any],
        records: Shared | None,
    ) -> None:
        subscription = source.subscription
        outcome = self._run.outcomes[self._position].setdefault(subscription.id, BatchOutcome())
        taken = self._run.taken.get(subscription.id) or self._run.taken.setdefault(subscription.id, Taken(subscription))
        outcome.of_types += len(indexes)
        if source.broken:
            outcome.undecided += len(indexes)
            taken.undecided[event_type] += len(indexes)
            return
        matched = indexes
        if source.filter is not None:
            lines = self._lines
            verdicts = source.filter.decide_many(objects, lambda at: object_of(lines[indexes[at]]))
            matched = list(compress(indexes, verdicts))
            if None in verdicts:
                outcome.errors += [index for index, verdict in zip(indexes, verdicts, strict=True) if verdict is None]
        outcome.matched += matched
        taken.matched[event_type] += len(matched)
        taken.filtered[event_type] += len(indexes) - len(matched)
        self._parts[subscription.id].append((matched, self._records(matched, source.projection, records)))

    def _records(self, matched: list[int], projection: Projection | None, records: Shared | None) -> list[bytes]:
        """The records of the matched events; those that another source has made already are taken from `records`."""
        if records is None:
            return self._project(matched, projection)
        made = records.setdefault(projection, {})
        missing = [index for index in matched if index not in made] if made else matched
        made.update(zip(missing, self._project(missing, projection), strict=True))
        return [made[index] for index in matched]

    def _project(self, indexes: list[int], projection: Projection | None) -> list[bytes]:
        lines = self._lines.at(indexes)
        return lines if projection is None else projection.apply_to_lines(lines)


def _in_order(parts: list[tuple[list[int], list[bytes]]]) -> list[bytes]:
    """The records of all parts by their index in the batch."""
    if len(parts) == 1:
        return parts[0][1]
    placed = [pair for indexes, lines in parts for pair in zip(indexes, lines, strict=True)]
    return [line for _, line in sorted(placed)]
