"""Everything that can die dies at random moments, and still no event is lost and the books close."""

import os
import random
import time
from collections.abc import Iterator

import pytest

from accounts.models import Account
from delivery.ledger import Scope, faults
from events.publishing import publish
from tests.factories import make_api_key, make_destination, make_event, make_subscription
from tests.faults.conftest import assert_nothing_is_lost, wait_until_settled
from tests.faults.postgres import Postgres
from tests.faults.processes import Publishers, Web, Workers
from tests.faults.receiver import Receiver
from tests.servers import ValkeyProcess

MANY_KILLS = int(os.environ.get("FAULT_KILLS", "200"))
SHORT = pytest.param(8, marks=pytest.mark.slow, id="short")
LONG = pytest.param(MANY_KILLS, marks=pytest.mark.proof, id="long")
MISBEHAVIOUR = ["throttle", "fail", "garbage", "hang_up", "half_answer", "close_mid_body"]


class Victims:
    """Whom to kill next: mostly a single worker, now and then all of a host, the web process or the queue."""

    def __init__(self, workers: Workers, web: Web, queue: ValkeyProcess) -> None:
        self.workers, self.web, self.queue = workers, web, queue
        self.draw = random.Random(1)
        self.kills = 0

    def kill_meanwhile(self, kills: int) -> Iterator[None]:
        """Kill so often, at random distances; yields after each time."""
        while self.kills < kills:
            time.sleep(self.draw.uniform(0.1, 1.0))
            self._kill_next()
            yield

    def _kill_next(self) -> None:
        match self.draw.choices(["worker", "host", "web", "queue"], [12, 1, 2, 1])[0]:
            case "worker":
                self.kills += self.workers.kill_one(self.draw)
                return
            case "host":
                self.workers.kill()
                self.workers.start()
            case "web":
                self.web.kill()
                self.web.start()
            case "queue":
                self.queue.kill()
                self.queue.start()
        self.kills += 1


@pytest.fixture
def victims(workers: Workers, web: Web, queue: ValkeyProcess) -> Victims:
    return Victims(workers, web, queue)


def three_ways(account: Account) -> list[str]:
    """Three destinations with a subscription each; their keys."""
    keys = [f"{number:032x}" for number in range(3)]
    for key in keys:
        make_subscription(account, make_destination(account, secrets={"api_key": key}, description=key))
    return keys


@pytest.mark.parametrize("kills", [SHORT, LONG])
def test_kills_at_random_and_a_misbehaving_receiver_lose_nothing(
    account: Account, victims: Victims, receiver: Receiver, kills: int
) -> None:
    receiver.behave = lambda _: random.choice(["take"] * 18 + MISBEHAVIOUR)
    keys = three_ways(account)

    with Publishers(victims.web, make_api_key(account), make_event()) as publishers:
        for _ in victims.kill_meanwhile(kills):
            pass
    receiver.behave = lambda _: "take"
    wait_until_settled()

    assert_nothing_is_lost(receiver, keys, publishers.acknowledged)
    print(f"{victims.kills} kills, {len(publishers.acknowledged):,} events acknowledged")  # noqa: T201


@pytest.mark.proof
@pytest.mark.usefixtures("postgres")
def test_kills_on_a_postgresql_that_breaks_as_well_lose_nothing(
    account: Account, victims: Victims, receiver: Receiver, postgres: Postgres
) -> None:
    receiver.behave = lambda _: random.choice(["take"] * 18 + MISBEHAVIOUR)
    keys = three_ways(account)

    with Publishers(victims.web, make_api_key(account), make_event()) as publishers:
        for number, _ in enumerate(victims.kill_meanwhile(MANY_KILLS)):
            if number % 20 == 10:
                postgres.cut_connections()
            if number % 40 == 30:
                postgres.crash()
    receiver.behave = lambda _: "take"
    wait_until_settled()

    assert_nothing_is_lost(receiver, keys, publishers.acknowledged)
    print(f"{victims.kills} kills, {len(publishers.acknowledged):,} events acknowledged")  # noqa: T201


@pytest.mark.slow
def test_workers_that_are_told_to_stop_leave_nothing_leased(
    account: Account, workers: Workers, receiver: Receiver
) -> None:
    keys = three_ways(account)[:1]
    published = publish([make_event() for _ in range(500)], account=account).event_ids
    time.sleep(1)

    workers.stop()
    workers.start()
    wait_until_settled()

    assert set(receiver.taken[keys[0]]) == set(published)
    assert max(receiver.taken[keys[0]].values()) == 1, "A clean stop repeats nothing."
    assert list(faults(Scope())) == []
