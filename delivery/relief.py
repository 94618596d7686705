"""More workers where those of a queue only wait: for destinations that hang.

A call may take 15 s, and a queue has a worker or two: a handful of destinations that hang would keep all the others
of their queue waiting. Workers that are busy get no help: more of them would only share the same processors.
"""

import os
from collections.abc import Collection
from pathlib import Path

from common import wake

# The queues whose workers wait for others.
QUEUES = ("drain", "drain-slow")
PATIENCE_SECONDS = 1.0
# An extra worker ends when it had nothing to do for so long.
IDLE_SECONDS = 60
# Of a processor, for each worker. One that waits for answers takes less.
BUSY_SHARE = 0.1


class Watch:
    """Looks at one queue from time to time."""

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._first: tuple[str, float] | None = None
        self._since = 0.0
        self._cpu = 0.0

    def needs_help(self, pids: Collection[int], now: float) -> bool:
        """Whether the same destination has stood first for a while, and the workers with these `pids` did next to
        nothing.

        Not whether a job has: one may wait while the turn of another takes all that comes. `now` is of time.monotonic.
        """
        first, seconds = wake.first_ready(self._queue), now - self._since
        stands = first is not None and first == self._first
        if stands and seconds < PATIENCE_SECONDS:
            return False
        cpu = sum(map(cpu_seconds, pids))
        is_idle = cpu - self._cpu < BUSY_SHARE * seconds * len(pids)
        self._first, self._since, self._cpu = first, now, cpu
        return stands and is_idle


def cpu_seconds(pid: int) -> float:
    """What the process has used; 0 where the system does not tell, or it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    # The name before may hold spaces and brackets. Then come the state and, as 12th and 13th, user and system time.
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
