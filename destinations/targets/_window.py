"""Stamping records for services that take only a window of time: outside it a record gets the time of sending.

The event keeps its own time inside. The service compares with its own clock, and later than we do: hence the margin.
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, Self

MARGIN = timedelta(minutes=10)


class Window(NamedTuple):
    now_ms: int
    first_ms: int
    last_ms: int

    @classmethod
    def at_present(cls, *, oldest: timedelta, newest: timedelta) -> Self:
        now_ms = int(time.time() * 1000)
        back, ahead = ((span - MARGIN) // timedelta(milliseconds=1) for span in (oldest, newest))
        return cls(now_ms, now_ms - back, now_ms + ahead)

    def stamp(self, timestamp_ms: int) -> int:
        return timestamp_ms if self.first_ms <= timestamp_ms <= self.last_ms else self.now_ms

    def stamps(self, timestamps_ms: Sequence[int]) -> Sequence[int]:
        """Usually all are inside, and stay."""
        if timestamps_ms and self.first_ms <= min(timestamps_ms) and max(timestamps_ms) <= self.last_ms:
            return timestamps_ms
        return [self.stamp(timestamp_ms) for timestamp_ms in timestamps_ms]
