"""What a claim carries: the open records of its deliveries as one run of lines, and where each of them belongs.

Records are spoken of by their index in the load, and by their position in their delivery. On the usual way both are
ranges, and a fate is decided for a range at once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from common import bitmap
from delivery.lines import lines_of, open_positions
from delivery.models import Delivery
from destinations.records import Records


@dataclass(slots=True)
class Part:
    """One delivery in a load. `remaining` is its bitmap of open positions as a number."""

    delivery: Delivery
    start: int
    positions: Sequence[int]
    remaining: int

    @property
    def end(self) -> int:
        return self.start + len(self.positions)


@dataclass(slots=True)
class Load:
    records: Records
    parts: list[Part] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, deliveries: Sequence[Delivery]) -> "Load":
        lines: list[bytes] = []
        parts = []
        for delivery in deliveries:
            positions, own = open_positions(delivery), lines_of(delivery.payload)
            parts.append(Part(delivery, len(lines), positions, mask_of(positions)))
            lines += own if len(positions) == len(own) else [own[position] for position in positions]
        return cls(Records(lines), parts, [part.start for part in parts])

    def spans(self, indexes: Sequence[int]) -> Iterator[tuple[Part, Sequence[int]]]:
        """For each delivery that these records belong to, their positions in it, ascending."""
        ordered = indexes if isinstance(indexes, range) else sorted(indexes)
        done = 0
        while done < len(ordered):
            part = self.parts[bisect_right(self._starts, ordered[done]) - 1]
            upto = bisect_left(ordered, part.end, done)
            first, last = ordered[done] - part.start, ordered[upto - 1] - part.start
            if last - first == upto - done - 1:
                yield part, part.positions[first : last + 1]
            else:
                yield part, [part.positions[index - part.start] for index in ordered[done:upto]]
            done = upto

    def place(self, index: int) -> tuple[Part, int]:
        """The delivery of one record, and its position there."""
        part = self.parts[bisect_right(self._starts, index) - 1]
        return part, part.positions[index - part.start]


def is_run(positions: Sequence[int]) -> bool:
    """Whether ascending positions follow each other without a gap."""
    return positions[-1] - positions[0] == len(positions) - 1


def mask_of(positions: Sequence[int]) -> int:
    """A number with the bits of these ascending positions set."""
    if not positions:
        return 0
    if is_run(positions):
        return ((1 << len(positions)) - 1) << positions[0]
    return int.from_bytes(bitmap.from_positions(positions, positions[-1] + 1), "little")


def as_bitmap(mask: int, length: int) -> bytes:
    return mask.to_bytes((length + 7) // 8, "little")
