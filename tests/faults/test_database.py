"""PostgreSQL stops, crashes and cuts connections, while events come in and go out."""

import os
import random
import time

import pytest

from accounts.models import Account
from tests.factories import make_api_key, make_destination, make_event, make_subscription
from tests.faults.conftest import assert_nothing_is_lost, wait_until_settled
from tests.faults.postgres import Postgres
from tests.faults.processes import Publishers, Web, Workers
from tests.faults.receiver import Receiver

pytestmark = pytest.mark.usefixtures("postgres")
ROUNDS = [
    pytest.param(1, marks=pytest.mark.slow, id="short"),
    pytest.param(int(os.environ.get("FAULT_ROUNDS", "20")), marks=pytest.mark.proof, id="long"),
]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_restarts_and_cut_connections_lose_nothing(
    account: Account, workers: Workers, web: Web, receiver: Receiver, postgres: Postgres, rounds: int
) -> None:
    draw = random.Random(4)
    key = f"{1:032x}"
    make_subscription(account, make_destination(account, secrets={"api_key": key}))

    with Publishers(web, make_api_key(account), make_event(), threads=4, pause=0.02) as publishers:
        for _ in range(rounds):
            for _ in range(5):
                time.sleep(draw.uniform(0.1, 0.5))
                postgres.cut_connections()
            postgres.restart()
            time.sleep(draw.uniform(0.5, 1.5))
            postgres.crash()
            time.sleep(draw.uniform(0.5, 1.5))
            postgres.stop()
            time.sleep(draw.uniform(0.5, 1.5))
            postgres.start()
            time.sleep(1.0)
    wait_until_settled()

    assert 503 in publishers.refused
    assert set(publishers.refused) <= {503}, "Nothing but a clear answer."
    assert_nothing_is_lost(receiver, [key], publishers.acknowledged)
