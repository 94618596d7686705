"""The worker pool: SimpleWorker processes, one queue each, watched by a parent that also sweeps.

A SimpleWorker runs jobs in its own process: rq's forking worker costs 18 ms a job, and 300 ms where
an AWS client has to be made again.
"""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections
from redis import Redis
from rq import Queue, SimpleWorker
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from common import wake
from common.processes import die_with_parent, settle_memory
from delivery import relief, stopping
from delivery.retention import prune
from delivery.sweep import INTERVAL_SECONDS, sweep

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2
# More workers than these help nobody: each keeps a connection to the database and some 40 MB.
MOST_EXTRA = 8
# Forgetting takes a hundredth of the time, and a tenth while more is to be forgotten than that: a request of a thousand
# events takes 0.6 ms of it, so that from some 15,000 events a second on more would come in than goes.
PRUNE_INTERVAL_SECONDS = 30.0
PRUNE_AGAIN_SECONDS = 3.0
PRUNE_SECONDS = 0.3
RESTART_SECONDS = 2.0
# A send may take 15 s and is settled after it.
STOP_SECONDS = 25.0


class Worker(SimpleWorker):
    """Drops a database connection that has broken since the last job, as Django does between requests.

    Told to stop, it ends its job after the step under way: the request that is being sent is settled, the rest
    released.
    """

    # rq would wait up to a minute before it looks again for a Redis that was gone.
    max_connection_wait_time = 2.0

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        stopping.request()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        close_old_connections()
        try:
            return super().perform_job(job, queue, execution)
        finally:
            close_old_connections()


@dataclass(slots=True)
class Child:
    queue: str
    pid: int
    started_at: float


class WorkerPool:
    """A worker for each of `queues`, and up to `most_extra` more a queue while theirs wait for what hangs."""

    def __init__(self, queues: Sequence[str], most_extra: int = MOST_EXTRA) -> None:
        self._queues = queues
        self._most_extra = most_extra
        self._children: list[Child] = []
        self._extra: list[Child] = []
        self._watches = {queue: relief.Watch(queue) for queue in relief.QUEUES if queue in queues}
        self._stopping = False

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, then let every worker finish its job."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        die_with_parent()
        settle_memory()
        self._children = [self._start(queue) for queue in self._queues]
        next_sweep, next_prune = time.monotonic(), time.monotonic() + PRUNE_INTERVAL_SECONDS
        while not self._stopping:
            if self._replace_dead():
                # What it was about to do is found again at once, but for what it holds under a lease.
                wake.clear_all()
                next_sweep = time.monotonic()
            self._relieve()
            if time.monotonic() >= next_sweep:
                next_sweep = time.monotonic() + INTERVAL_SECONDS
                _sweep()
            if time.monotonic() >= next_prune:
                next_prune = time.monotonic() + _prune()
            time.sleep(POLL_SECONDS)
        self._stop_all()

    def _on_signal(self, *_: object) -> None:
        # Only a flag: a signal may come twice, and at any line.
        self._stopping = True

    def _start(self, queue: str, idle_seconds: int | None = None) -> Child:
        # A connection must not be shared over a fork.
        connections.close_all()
        pid = os.fork()
        if pid == 0:
            _work(queue, idle_seconds)
        return Child(queue, pid, time.monotonic())

    def _replace_dead(self) -> bool:
        """Whether one had ended without having been told to."""
        has_ended = False
        for index, child in enumerate(self._children):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid and not self._stopping:
                has_ended = True
                log.warning("worker_ended", queue=child.queue, status=status)
                time.sleep(max(0.0, RESTART_SECONDS - (time.monotonic() - child.started_at)))
                self._children[index] = self._start(child.queue)
        return has_ended

    def _relieve(self) -> None:
        """Forget the extra workers that have ended, and start those that are needed."""
        self._extra = [child for child in self._extra if os.waitpid(child.pid, os.WNOHANG)[0] == 0]
        for queue, watch in self._watches.items():
            pids = [child.pid for child in (*self._children, *self._extra) if child.queue == queue]
            is_full = sum(child.queue == queue for child in self._extra) >= self._most_extra
            if watch.needs_help(pids, time.monotonic()) and not is_full:
                log.info("extra_worker", queue=queue, workers=len(pids) + 1)
                self._extra.append(self._start(queue, relief.IDLE_SECONDS))

    def _stop_all(self) -> None:
        children = [*self._children, *self._extra]
        for child in children:
            _signal(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for child in children:
            while os.waitpid(child.pid, os.WNOHANG)[0] == 0:
                if time.monotonic() > deadline:
                    _signal(child.pid, signal.SIGKILL)
                    os.waitpid(child.pid, 0)
                    break
                time.sleep(0.05)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _sweep() -> None:
    close_old_connections()
    try:
        sweep()
    except DatabaseError as error:
        # The database restarts: the next sweep finds what this one would have.
        log.warning("sweep_failed", error=str(error))
    except Exception:
        log.exception("sweep_failed")


def _prune() -> float:
    """Forget for a while; returns after how many seconds to do so again."""
    ends_at = time.monotonic() + PRUNE_SECONDS
    try:
        prune(seconds=PRUNE_SECONDS)
        if time.monotonic() >= ends_at:
            return PRUNE_AGAIN_SECONDS
    except DatabaseError as error:
        log.warning("pruning_failed", error=str(error))
    except Exception:
        # What cannot be forgotten stops nobody's work.
        log.exception("pruning_failed")
    return PRUNE_INTERVAL_SECONDS


def _work(queue: str, idle_seconds: int | None) -> None:
    """Run one worker in this forked process; never returns."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    code = 1
    try:
        work(queue, idle_seconds=idle_seconds)
        code = 0
    except Exception:
        log.exception("worker_failed", queue=queue)
    finally:
        connections.close_all()
        # Not sys.exit: the parent's stack lies above this one.
        os._exit(code)


def work(queue: str, *, burst: bool = False, idle_seconds: int | None = None) -> None:
    """Take jobs from one queue: with several, rq pops in a way that can lose a job.

    Ends when none was there for `idle_seconds`.
    """
    # No socket time-out here: a worker waits for its next job as long as it takes.
    redis = Redis.from_url(settings.REDIS_URL)
    worker = Worker(
        [Queue(queue, connection=redis, serializer=JSONSerializer)],
        connection=redis,
        serializer=JSONSerializer,
        log_job_description=False,
    )
    worker.work(burst=burst, max_idle_time=idle_seconds, logging_level="WARNING")
