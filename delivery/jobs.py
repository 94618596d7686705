"""Work for the `route` and `drain` queues. Arguments are IDs; running a job twice does no harm."""

from functools import partial

from rq import get_current_job

from common import wake
from delivery.drain import drain
from delivery.mending import mend_account
from delivery.replay import run_replay
from delivery.route import route_account
from delivery.turn import JobTurn

# Then the next account, or the next destination, gets its turn, if not sooner (delivery/turn.py).
ROUTE_SECONDS = 2.0
DRAIN_SECONDS = 20.0


def route_job(account_id: str) -> None:
    again = partial(wake.route, account_id)
    with JobTurn("route", "delivery.jobs.route_job", account_id, ROUTE_SECONDS, again) as turn:
        route_account(account_id, turn)


def drain_job(destination_id: str) -> None:
    again = partial(wake.drain, destination_id)
    # Or the one for slow destinations.
    job = get_current_job()
    queue = job.origin if job else "drain"
    with JobTurn(queue, "delivery.jobs.drain_job", destination_id, DRAIN_SECONDS, again) as turn:
        drain(destination_id, turn)


def mend_job(account_id: str) -> None:
    wake.clear("delivery.jobs.mend_job", account_id)
    mend_account(account_id)


def replay_job(replay_id: str) -> None:
    wake.clear("delivery.jobs.replay_job", replay_id)
    run_replay(int(replay_id))
