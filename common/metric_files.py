"""Which files a process writes its metrics to: those of a number that no living process of this host has.

prometheus_client names them by process ID and never forgets one, since a counter must not fall when a process ends.
Workers come and go, and each command is a process: after months a scrape would read thousands of files. A process that
takes over the number of one that has ended goes on counting where that one stopped.
"""

import fcntl
import os
from itertools import count
from pathlib import Path
from typing import IO

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

# As prometheus_client calls them.
KINDS = ("counter", "histogram")


class Number:
    """This process's number, held by a lock that ends with the process."""

    def __init__(self) -> None:
        self._pid = 0
        self._number = 0
        self._lock: IO[str] | None = None

    def __call__(self) -> int:
        if self._pid != (pid := os.getpid()):
            self._take(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
            self._pid = pid
        return self._number

    def _take(self, directory: Path) -> None:
        for number in count(1):
            lock = (directory / f"{number}.lock").open("a")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            # After a fork it was the parent's, which holds it on.
            if self._lock is not None:
                self._lock.close()
            self._lock, self._number = lock, number
            break
        for kind in KINDS:
            _remove_torn(directory / f"{kind}_{self._number}.db")


def _remove_torn(file: Path) -> None:
    """One that a crash of the machine left half written would let no process start."""
    try:
        list(MmapedDict.read_all_values_from_file(file))  # type: ignore[no-untyped-call]
    except FileNotFoundError:
        return
    except Exception:  # noqa: BLE001 - whatever is wrong in it
        file.unlink()


def use_numbers() -> None:
    """Before the first metric is made."""
    number = Number()
    # Or a child would hold its parent's number for as long as it lives, though it never counts anything.
    os.register_at_fork(after_in_child=number)
    values.ValueClass = values.MultiProcessValue(number)  # type: ignore[no-untyped-call]
