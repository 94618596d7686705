"""A job's turn: when it looks for work again, and who needs to be woken meanwhile."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from common import wake
from delivery import stopping

# After so long a job makes room where others wait in its queue.
SHARE_SECONDS = 2.0
# A look costs some ms whatever it finds, so after one that took all there was, a job rests for as long as the work
# kept the processor busy: then looking takes half of its time at most, and more is found at once. The first event
# of a burst never waits for it.
LEAST_REST_SECONDS = 0.025
MOST_REST_SECONDS = 0.5


class Turn:
    """Looks as long as there is work, without waiting in between."""

    def may_look(self) -> bool:
        """Whether to look for work; it is called before each look."""
        return not stopping.is_requested()

    def found(self, *, is_more: bool, is_idle: bool = False) -> None:
        """The look found work; `is_more`: more than is done at once, `is_idle`: nothing to be done now."""

    def end(self) -> None:
        """Nobody looks again: who brings work from now on has to wake somebody."""


class JobTurn(Turn):
    """Keeps the job's flag up while it is going to look again: a job woken meanwhile would find nothing to do.

    The flag is down at every look, so that work which comes after the last one wakes another job. `again` wakes the
    next job when this one may not look any more, after `seconds`.
    """

    def __init__(self, job: str, key: str, seconds: float, again: Callable[[], None]) -> None:
        self._job, self._key, self._again = job, key, again
        self._ends_at = time.monotonic() + seconds
        self._least_rest = 0.0
        self._looked_at = 0.0

    def may_look(self) -> bool:
        if stopping.is_requested() or self._is_over():
            self.end()
            self._again()
            return False
        if self._least_rest and self._may_rest():
            busy = time.process_time() - self._looked_at
            time.sleep(min(max(busy, self._least_rest), MOST_REST_SECONDS))
        wake.clear(self._job, self._key)
        self._looked_at = time.process_time()
        return True

    def found(self, *, is_more: bool, is_idle: bool = False) -> None:
        self._least_rest = 0.0
        if not is_more:
            self._least_rest = MOST_REST_SECONDS if is_idle else LEAST_REST_SECONDS
            wake.hold(self._job, self._key)

    def end(self) -> None:
        wake.clear(self._job, self._key)

    def _is_over(self) -> bool:
        return time.monotonic() > self._ends_at

    def _may_rest(self) -> bool:
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.end()


class SharedTurn(JobTurn):
    """Makes room for the other jobs in its queue: it never rests while one waits, and ends after 2 s."""

    def __init__(self, queue: str, job: str, key: str, seconds: float, again: Callable[[], None]) -> None:
        super().__init__(job, key, seconds, again)
        self._queue = queue
        self._shares_at = time.monotonic() + SHARE_SECONDS

    def _may_rest(self) -> bool:
        return wake.waiting_jobs(self._queue) == 0

    def _is_over(self) -> bool:
        # It looks once in any case: jobs that only make room for each other would never do anything.
        is_to_share = self._looked_at and time.monotonic() > self._shares_at
        return super()._is_over() or bool(is_to_share and wake.first_job(self._queue) is not None)
