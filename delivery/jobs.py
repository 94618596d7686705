"""Jobs of the queues `route`, `drain` and `drain-slow`: their argument is an ID or the queue; twice does no harm."""

from functools import partial

from common import wake
from delivery.drain import drain_ready
from delivery.mending import mend_account
from delivery.replay import run_replay
from delivery.route import route_account
from delivery.turn import JobTurn, SharedTurn

# Then the next account gets its turn, if not sooner (delivery/turn.py).
ROUTE_SECONDS = 2.0
# Well under the time after which rq takes a job for lost.
DRAIN_SECONDS = 20.0


def route_job(account_id: str) -> None:
    again = partial(wake.route, account_id)
    with SharedTurn("route", "delivery.jobs.route_job", account_id, ROUTE_SECONDS, again) as turn:
        route_account(account_id, turn)


def drain_job(queue: str) -> None:
    with JobTurn(wake.DRAIN, queue, DRAIN_SECONDS, partial(wake.stand_ready, queue)) as turn:
        drain_ready(queue, turn)


def mend_job(account_id: str) -> None:
    wake.clear("delivery.jobs.mend_job", account_id)
    mend_account(account_id)


def replay_job(replay_id: str) -> None:
    wake.clear("delivery.jobs.replay_job", replay_id)
    run_replay(int(replay_id))
