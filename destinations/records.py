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

    __slots__ = ("indexes", "lines")

    def __init__(self, lines: Sequence[bytes], indexes: Sequence[int] | None = None) -> None:
        self.lines = lines
        self.indexes = range(len(lines)) if indexes is None else indexes

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, key: int) -> Record: ...
    @overload
    def __getitem__(self, key: slice) -> "Records": ...
    def __getitem__(self, key: int | slice) -> "Record | Records":
        if isinstance(key, slice):
            return Records(self.lines[key], self.indexes[key])
        return as_record(self.lines[key])

    def __iter__(self) -> Iterator[Record]:
        for line, head in zip(self.lines, _head_decoder.decode_lines(b"\n".join(self.lines)), strict=True):
            yield _record(line, head)

    def chosen(self, order: Sequence[int]) -> "Records":
        return Records([self.lines[index] for index in order], [self.indexes[index] for index in order])


class _Head(msgspec.Struct, gc=False):
    event_id: str
    event_type: str
    event_timestamp: datetime
    account_id: str = ""


_head_decoder = msgspec.json.Decoder(_Head)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def as_record(line: bytes) -> Record:
    return _record(line, _head_decoder.decode(line))


def _record(line: bytes, head: _Head) -> Record:
    stamp_ms = (head.event_timestamp - _EPOCH) // _MILLISECOND
    return Record(line, head.event_id, head.event_type, stamp_ms, head.account_id)


def lines_of(records: Sequence[Record]) -> Sequence[bytes]:
    return records.lines if isinstance(records, Records) else [record.data for record in records]


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
