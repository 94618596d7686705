"""A job's turn: when it looks for work again, and who needs to be woken meanwhile."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from common import wake
from delivery import stopping

# After so long a job makes room where others wait in its queue.
SHARE_SECONDS = 2.0
# Single events follow each other at short distances. A run costs some ms whatever it holds, so after one that took
# all there was, a job waits so long for more; the first event of a burst never waits for it.
LINGER_SECONDS = 0.025
# After a look that found so much, more is on its way: waiting longer makes half as many runs of it.
BUSY_BYTES = 1024 * 1024
BUSY_LINGER_SECONDS = 0.05


class Turn:
    """Looks as long as there is work, without waiting in between."""

    def may_look(self) -> bool:
        """Whether to look for work; it is called before each look."""
        return not stopping.is_requested()

    def found(self, *, size: int, is_more: bool) -> None:
        """The look found work of `size` bytes, and more of it than is done at once if `is_more`."""

    def end(self) -> None:
        """Nobody looks again: who brings work from now on has to wake somebody."""


class JobTurn(Turn):
    """Keeps the job's flag up while it is going to look again: a job woken meanwhile would find nothing to do.

    The flag is down at every look, so that work which comes after the last one wakes another job. If more is there
    than is done at once, it stays down: another worker may help. `again` wakes the next job when this one may not
    look any more: after `seconds`, and where other jobs wait in its queue after 2 s already.
    """

    def __init__(self, queue: str, job: str, key: str, seconds: float, again: Callable[[], None]) -> None:
        self._queue, self._job, self._key, self._again = queue, job, key, again
        self._shares_at = time.monotonic() + SHARE_SECONDS
        self._ends_at = time.monotonic() + seconds
        self._linger_seconds = 0.0
        self._has_looked = False

    def may_look(self) -> bool:
        if stopping.is_requested() or self._is_over():
            self.end()
            self._again()
            return False
        if self._linger_seconds and wake.waiting_jobs(self._queue) == 0:
            time.sleep(self._linger_seconds)
        wake.clear(self._job, self._key)
        self._has_looked = True
        return True

    def _is_over(self) -> bool:
        now = time.monotonic()
        # It looks once in any case: jobs that only make room for each other would never do anything.
        is_to_share = self._has_looked and now > self._shares_at
        return now > self._ends_at or (is_to_share and wake.first_job(self._queue) is not None)

    def found(self, *, size: int, is_more: bool) -> None:
        self._linger_seconds = 0.0
        if not is_more:
            self._linger_seconds = BUSY_LINGER_SECONDS if size >= BUSY_BYTES else LINGER_SECONDS
            wake.hold(self._job, self._key)

    def end(self) -> None:
        wake.clear(self._job, self._key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.end()
