"""What a target is handed: finished record bytes with the little that addressing and limits need.

On the way there are no objects for single records: `Records` holds lines, and makes a `Record` where one is asked for.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import NamedTuple, overload

import msgspec

# Every line begins with {"event_id":"ev_…", 30 characters.
ID_START, ID_END = 13, 43


class Record(NamedTuple):
    """One event as it leaves: compact JSON of the envelope, without a line end.

    `account_id` is empty where the subscription does not select that field.
    """

    data: bytes
    event_id: str
    event_type: str
    timestamp_ms: int
    account_id: str = ""


class Limits(NamedTuple):
    """What a service takes in one request; `overhead_bytes` is what it counts for each record beyond its data."""

    max_records: int
    max_bytes: int
    max_record_bytes: int
    overhead_bytes: int = 0


class Records(Sequence[Record]):
    """Records as lines. A slice is again of this kind, and `indexes` tells where its lines stood in the first one."""

    __slots__ = ("_stamps", "indexes", "lines")

    def __init__(
        self, lines: Sequence[bytes], indexes: Sequence[int] | None = None, stamps: Sequence[int] | None = None
    ) -> None:
        self.lines = lines
        self.indexes = range(len(lines)) if indexes is None else indexes
        self._stamps = stamps

    @property
    def timestamps_ms(self) -> Sequence[int]:
        """When each event happened. Read once: what is cut out of these records knows its own."""
        if self._stamps is None:
            stamps = _stamp_decoder.decode_lines(b"\n".join(self.lines))
            self._stamps = [_milliseconds(stamp.event_timestamp) for stamp in stamps]
        return self._stamps

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, key: int) -> Record: ...
    @overload
    def __getitem__(self, key: slice) -> "Records": ...
    def __getitem__(self, key: int | slice) -> "Record | Records":
        if isinstance(key, slice):
            return Records(self.lines[key], self.indexes[key], self._stamps and self._stamps[key])
        return as_record(self.lines[key])

    def __iter__(self) -> Iterator[Record]:
        for line, head in zip(self.lines, _head_decoder.decode_lines(b"\n".join(self.lines)), strict=True):
            yield _record(line, head)

    def chosen(self, order: Sequence[int]) -> "Records":
        stamps = self._stamps and [self._stamps[index] for index in order]
        return Records([self.lines[index] for index in order], [self.indexes[index] for index in order], stamps)


class _Head(msgspec.Struct, gc=False):
    event_id: str
    event_type: str
    event_timestamp: datetime
    account_id: str = ""


class _Stamp(msgspec.Struct, gc=False):
    event_timestamp: datetime


_head_decoder = msgspec.json.Decoder(_Head)
_stamp_decoder = msgspec.json.Decoder(_Stamp)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def _milliseconds(stamp: datetime) -> int:
    return (stamp - _EPOCH) // _MILLISECOND


def as_record(line: bytes) -> Record:
    return _record(line, _head_decoder.decode(line))


def _record(line: bytes, head: _Head) -> Record:
    return Record(line, head.event_id, head.event_type, _milliseconds(head.event_timestamp), head.account_id)


def lines_of(records: Sequence[Record]) -> Sequence[bytes]:
    return records.lines if isinstance(records, Records) else [record.data for record in records]


def timestamps_of(records: Sequence[Record]) -> Sequence[int]:
    """When each event happened, in milliseconds since 1970."""
    return records.timestamps_ms if isinstance(records, Records) else [record.timestamp_ms for record in records]


def event_ids_of(records: Sequence[Record]) -> Iterable[bytes]:
    """The IDs as ASCII, ready to be put between quotes."""
    if isinstance(records, Records):
        return [line[ID_START:ID_END] for line in records.lines]
    return [record.event_id.encode() for record in records]


def in_order(records: Sequence[Record], order: Sequence[int]) -> Sequence[Record]:
    return records.chosen(order) if isinstance(records, Records) else [records[index] for index in order]


def split_by_limits(records: Sequence[Record], limits: Limits) -> Iterator[Sequence[Record]]:
    """Consecutive runs that each fit into one request; a record over `max_record_bytes` is the caller's to refuse."""
    sums = [0, *accumulate(len(line) + limits.overhead_bytes for line in lines_of(records))]
    start, count = 0, len(records)
    while start < count:
        end = bisect_right(sums, sums[start] + limits.max_bytes) - 1
        end = max(start + 1, min(end, start + limits.max_records))
        yield records[start:end]
        start = end
