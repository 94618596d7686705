"""Work for the `route` and `drain` queues. Arguments are IDs; running a job twice does no harm."""

import time

from common import wake
from delivery import stopping
from delivery.drain import drain
from delivery.mending import mend_account
from delivery.replay import run_replay
from delivery.route import route_account

# Single events follow each other at short distances. A job costs 5 ms whatever it does, so one that found work looks
# once more after this, and takes together what came meanwhile; the first event of a burst never waits for it.
LINGER_SECONDS = 0.025
LONGEST_SECONDS = 2.0


def _may_linger(queue: str, deadline: float) -> bool:
    """Only while nobody else's job waits: at most this one's own next wake-up stands in the queue."""
    return time.monotonic() < deadline and not stopping.is_requested() and wake.waiting_jobs(queue) <= 1


def route_job(account_id: str) -> None:
    wake.clear("delivery.jobs.route_job", account_id)
    deadline = time.monotonic() + LONGEST_SECONDS
    while route_account(account_id) and _may_linger("route", deadline):
        time.sleep(LINGER_SECONDS)


def drain_job(destination_id: str) -> None:
    wake.clear("delivery.jobs.drain_job", destination_id)
    deadline = time.monotonic() + LONGEST_SECONDS
    while drain(destination_id) and _may_linger("drain", deadline):
        time.sleep(LINGER_SECONDS)


def mend_job(account_id: str) -> None:
    wake.clear("delivery.jobs.mend_job", account_id)
    mend_account(account_id)


def replay_job(replay_id: str) -> None:
    wake.clear("delivery.jobs.replay_job", replay_id)
    run_replay(int(replay_id))
