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
# A destination that stands ready for longer waits for workers, not for one that rests; and whether these are busy is
# judged over so long a time.
STANDING_SECONDS = 0.75
PATIENCE_SECONDS = 1.0
# An extra worker ends when it had nothing to do for so long.
IDLE_SECONDS = 60
# Of a processor, for each worker. One that waits for answers takes less.
BUSY_SHARE = 0.1


class Watch:
    """Looks at one queue from time to time."""

    def __init__(self, queue: str) -> None:
        self._queue = queue
        # When it looked, and what the workers had used by then: from the last look that is long enough ago.
        self._looks: list[tuple[float, float]] = []

    def needs_help(self, pids: Collection[int], now: float) -> bool:
        """Whether a destination has stood ready for a while, and the workers with these `pids` did next to nothing.

        Not whether a job has: one may wait while the turn of another takes all that comes. `now` is of time.monotonic.
        """
        cpu = sum(map(cpu_seconds, pids))
        self._looks.append((now, cpu))
        while len(self._looks) > 1 and self._looks[1][0] <= now - PATIENCE_SECONDS:
            del self._looks[0]
        since, before = self._looks[0]
        if now - since < PATIENCE_SECONDS or wake.longest_standing(self._queue) < STANDING_SECONDS:
            return False
        if cpu - before >= BUSY_SHARE * (now - since) * len(pids):
            return False
        # The one that comes now is given time.
        self._looks = [(now, cpu)]
        return True


def cpu_seconds(pid: int) -> float:
    """What the process has used; 0 where the system does not tell, or it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    # The name before may hold spaces and brackets. Then come the state and, as 12th and 13th, user and system time.
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
