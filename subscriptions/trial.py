"""One source of a backtest at work: what its filter takes, and how many pass each of its conditions alone."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from events.catalog import EventType
from events.envelope import Envelope
from events.filters import Filter, FilterError, Reader, compile_filter
from events.filters.conditions import Condition, Group, render
from events.filters.places import lay_out
from events.projection import Projection, compile_projection
from subscriptions.backtest_figures import ClauseReading, Sample, SavedReading, SourceReading
from subscriptions.pricing import counted_bytes

SAMPLES = 50
# Each clause is a filter of its own to run.
MAX_CLAUSES = 20

Counting = tuple[int, int]


@dataclass(slots=True)
class _Clause:
    place: tuple[int, ...]
    text: str
    filter: Filter | None
    passes: int = 0

    def reading(self) -> ClauseReading:
        return ClauseReading(self.place, self.text, self.passes if self.filter is not None else None)


@dataclass(slots=True)
class _Saved:
    """The filter in force, none of which takes all: what it takes, and what the trial's own adds and drops."""

    filter: Filter | None
    matched: int = 0
    added: int = 0
    dropped: int = 0

    def take(self, read: Sequence[Any], objects: Sequence[bytes], verdicts: Sequence[bool | None]) -> None:
        before: Sequence[bool | None] = [True] * len(objects)
        if self.filter is not None:
            before = self.filter.decide_many(read, objects.__getitem__)
        for was, will in zip(before, verdicts, strict=True):
            self.matched += bool(was)
            self.added += bool(will) and not was
            self.dropped += bool(was) and not will

    def reading(self) -> SavedReading:
        return SavedReading(self.matched, self.added, self.dropped)


@dataclass(slots=True)
class Trial:
    """Feed it with events of its type by `take`, portions newest first; `reading` gives the figures at any time."""

    event_type: EventType
    filter: Filter | None
    projection: Projection | None
    clauses: list[_Clause]
    reader: Reader
    countings: Sequence[Counting] = ()
    saved: _Saved | None = None
    examined: int = 0
    matched: int = 0
    errors: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    # By how a service counts: the bytes that it would charge for.
    counted: Counter[Counting] = field(default_factory=Counter)
    matched_samples: list[Sample] = field(default_factory=list)
    refused_samples: list[Sample] = field(default_factory=list)

    def fresh(self) -> "Trial":
        """The same without figures."""
        clauses = [_Clause(clause.place, clause.text, clause.filter) for clause in self.clauses]
        saved = _Saved(self.saved.filter) if self.saved else None
        return Trial(self.event_type, self.filter, self.projection, clauses, self.reader, self.countings, saved)

    def take(self, events: Sequence[Envelope], sizes: Sequence[int]) -> None:
        """`sizes` are the bytes of the whole events."""
        objects = [bytes(event.object) for event in events]
        # Decoded once for all filters.
        read = self.reader.read_many(objects) if self._has_filters else []
        verdicts: list[bool | None] = [True] * len(events)
        if self.filter is not None:
            verdicts = self.filter.decide_many(read, objects.__getitem__)
        matched = [index for index, verdict in enumerate(verdicts) if verdict]
        sizes_out = self._sizes_out(matched, objects, sizes)
        self.examined += len(events)
        self.matched += len(matched)
        self.errors += verdicts.count(None)
        self.bytes_in += sum(sizes[index] for index in matched)
        self.bytes_out += sum(sizes_out)
        for counting in self.countings:
            self.counted[counting] += sum(counted_bytes(size, counting) for size in sizes_out)
        self._sample(events, sizes, dict(zip(matched, sizes_out, strict=True)))
        if self.saved is not None:
            self.saved.take(read, objects, verdicts)
        for clause in self.clauses:
            if clause.filter is not None:
                clause.passes += clause.filter.decide_many(read, objects.__getitem__).count(True)

    @property
    def _has_filters(self) -> bool:
        return bool(self.filter or self.clauses or (self.saved and self.saved.filter))

    def _sizes_out(self, matched: Sequence[int], objects: Sequence[bytes], sizes: Sequence[int]) -> list[int]:
        if self.projection is None:
            return [sizes[index] for index in matched]
        apply = self.projection.apply
        # Only the object changes; the envelope around it stays.
        return [sizes[index] - len(objects[index]) + len(apply(objects[index])) for index in matched]

    def _sample(self, events: Sequence[Envelope], sizes: Sequence[int], sizes_out: dict[int, int]) -> None:
        """The newest of each kind: portions come newest first, events in one oldest first."""
        for index in range(len(events) - 1, -1, -1):
            is_full = len(self.matched_samples) >= SAMPLES
            if is_full and len(self.refused_samples) >= SAMPLES:
                return
            size_out = sizes_out.get(index)
            kept = self.refused_samples if size_out is None else self.matched_samples
            if len(kept) < SAMPLES:
                kept.append(Sample(events[index].event_id, sizes[index], size_out))

    def reading(self) -> SourceReading:
        return SourceReading(
            self.event_type.name,
            self.examined,
            self.matched,
            self.errors,
            self.bytes_in,
            self.bytes_out,
            tuple(clause.reading() for clause in self.clauses),
            tuple(self.matched_samples),
            tuple(self.refused_samples),
            self.saved.reading() if self.saved else None,
        )


def make_trial(
    event_type: EventType,
    text: str,
    fields: Sequence[str] | None,
    conditions: Group | None,
    countings: Iterable[Counting],
    saved_text: str | None = None,
) -> Trial:
    """Raises FilterError. Without conditions the clauses are the parts of the text's outermost && or ||.

    `saved_text` is the filter in force, to compare with, if there is one.
    """
    compiled = compile_filter(text, event_type) if text.strip() else None
    projection = compile_projection(event_type, fields) if fields is not None else None
    if conditions is not None:
        clauses = list(_clauses(conditions, event_type, ()))
    else:
        clauses = [*_parts(text, event_type)] if compiled is not None else []
    kept = clauses[:MAX_CLAUSES]
    saved = _saved(saved_text, event_type)
    of_all = (compiled, saved.filter if saved else None, *(clause.filter for clause in kept))
    reader = Reader(needed for each in of_all if each is not None for needed in each.fields)
    return Trial(event_type, compiled, projection, kept, reader, tuple(countings), saved)


def _saved(text: str | None, event_type: EventType) -> _Saved | None:
    if text is None:
        return None
    try:
        return _Saved(compile_filter(text, event_type) if text.strip() else None)
    except FilterError:
        # It no longer compiles: there is nothing to compare with.
        return None


def _clauses(group: Group, event_type: EventType, place: tuple[int, ...]) -> Iterator[_Clause]:
    """Every condition and every inner group, each alone."""
    for index, member in enumerate(group.members):
        here = (*place, index)
        yield _clause(here, Group(members=(member,)) if isinstance(member, Condition) else member, event_type)
        if isinstance(member, Group):
            yield from _clauses(member, event_type, here)


def _clause(place: tuple[int, ...], group: Group, event_type: EventType) -> _Clause:
    text = ""
    try:
        text = render(group, event_type)
        return _Clause(place, text, compile_filter(text, event_type))
    except (FilterError, ValueError):
        # Half typed: the page says what is wrong with it, there is only no figure for it.
        return _Clause(place, text, None)


def _parts(text: str, event_type: EventType) -> Iterator[_Clause]:
    layout = lay_out(text, event_type)
    function = layout.root.call.function
    parts = layout.parts(layout.root) if function in {"_&&_", "_||_"} else []
    for index, part in enumerate(parts):
        sliced = layout.slice(part)
        yield _Clause((index,), sliced, compile_filter(sliced, event_type))
