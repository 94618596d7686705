"""Everything that can die dies at random moments, and still no event is lost and the books close."""

import os
import random
import time

import pytest
from redis import Redis

from accounts.models import Account
from delivery.ledger import Scope, faults
from events.publishing import publish
from tests.factories import make_destination, make_event, make_subscription
from tests.faults.conftest import Receiver, Workers, wait_until_settled

SHORT = pytest.param(10.0, marks=pytest.mark.slow, id="short")
LONG = pytest.param(float(os.environ.get("FAULT_SECONDS", "600")), marks=pytest.mark.proof, id="long")
BEHAVIOURS = ["take"] * 12 + ["throttle", "fail", "garbage", "hang_up"]


@pytest.fixture
def account(transactional_db: None) -> Account:
    return Account.objects.create(name="Acme Edge")


@pytest.mark.parametrize("seconds", [SHORT, LONG])
def test_killed_workers_a_flushed_queue_and_a_misbehaving_receiver_lose_nothing(
    account: Account, workers: Workers, receiver: Receiver, redis: "Redis", seconds: float
) -> None:
    draw = random.Random(1)
    receiver.behave = lambda _: draw.choice(BEHAVIOURS)
    for number in range(3):
        make_subscription(account, make_destination(account, description=str(number)))
    published: list[str] = []
    kills = 0
    ends_at = time.monotonic() + seconds
    next_kill, next_flush = time.monotonic() + 2, time.monotonic() + 3
    while time.monotonic() < ends_at:
        published += publish([make_event() for _ in range(20)], account=account).event_ids
        if time.monotonic() > next_kill:
            kills += workers.kill_one(draw)
            next_kill = time.monotonic() + draw.uniform(0.1, 1.0)
        if time.monotonic() > next_flush:
            redis.flushall()
            next_flush = time.monotonic() + 4
        time.sleep(0.05)
    receiver.behave = lambda _: "take"

    wait_until_settled(90)

    assert kills >= seconds / 4
    lost = [event_id for event_id in published if receiver.taken[event_id] < 3]
    assert lost == [], "Each of three destinations gets every event."
    assert set(receiver.taken) == set(published), "A repeat carries the ID that the event had."
    assert list(faults(Scope())) == []


@pytest.mark.slow
def test_a_host_that_dies_is_replaced_by_another(account: Account, workers: Workers, receiver: Receiver) -> None:
    make_subscription(account, make_destination(account))
    published: list[str] = []
    for _ in range(3):
        published += publish([make_event() for _ in range(200)], account=account).event_ids
        time.sleep(1)
        workers.kill_all()
        workers.start()

    wait_until_settled(60)

    assert set(receiver.taken) == set(published)
    assert list(faults(Scope())) == []


@pytest.mark.slow
def test_workers_that_are_told_to_stop_leave_nothing_leased(
    account: Account, workers: Workers, receiver: Receiver
) -> None:
    make_subscription(account, make_destination(account))
    published = publish([make_event() for _ in range(500)], account=account).event_ids
    time.sleep(1)

    workers.stop()
    workers.start()
    wait_until_settled(30)

    assert set(receiver.taken) == set(published)
    assert max(receiver.taken.values()) == 1, "A clean stop repeats nothing."
    assert list(faults(Scope())) == []


@pytest.mark.slow
def test_a_destination_that_hangs_delays_no_other(account: Account, workers: Workers, receiver: Receiver) -> None:
    """The first call hangs in a common worker, all further ones in those for slow destinations."""
    keys = [f"{number:032x}" for number in range(6)]
    for key in keys:
        make_subscription(account, make_destination(account, secrets={"api_key": key}, description=key))
    receiver.behave = lambda key: "hang" if key == keys[0] else "take"
    count = 0
    for _ in range(20):
        count += len(publish([make_event()], account=account).event_ids)
        time.sleep(0.2)

    # A call that hangs is given up after 14 s: whoever stood behind it would come later than this.
    deadline = time.monotonic() + 12
    while any(len(receiver.taken_by.get(key, ())) < count for key in keys[1:]):
        assert time.monotonic() < deadline, "The healthy ones wait."
        time.sleep(0.1)

    assert keys[0] not in receiver.taken_by
