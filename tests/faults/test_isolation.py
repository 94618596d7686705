"""A destination that hangs, beside others that are well: its trouble stays its own."""

import time
from collections.abc import Iterator, Sequence

import pytest

from accounts.models import Account
from destinations.models import Destination
from events.publishing import publish
from tests.factories import make_destination, make_event, make_subscription
from tests.faults.conftest import Environment
from tests.faults.processes import Workers, wait_until
from tests.faults.receiver import Receiver

HEALTHY = 49
DEAD = f"{999:032x}"
# What leaves room for chance between two runs of the same thing, beside the factor of two.
TOLERANCE_SECONDS = 0.25
# What a call may take.
SEND_SECONDS = 15


@pytest.fixture
def workers(environment: Environment) -> Iterator[Workers]:
    """With leases that outlast a call, as they are outside these tests."""
    running = Workers({**environment, "LEASE_SECONDS": "30"})
    yield running
    running.kill()


@pytest.fixture
def healthy(account: Account) -> list[str]:
    """Their keys."""
    keys = [f"{number:032x}" for number in range(HEALTHY)]
    for key in keys:
        make_subscription(account, make_destination(account, secrets={"api_key": key}, description=key))
    return keys


def publish_for(account: Account, seconds: float, distance: float) -> dict[str, float]:
    """An event at a time; when each was published."""
    published: dict[str, float] = {}
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        at = time.time()
        published[publish([make_event()], account=account).event_ids[0]] = at
        time.sleep(distance)
    return published


def has_come(receiver: Receiver, keys: Sequence[str], published: dict[str, float]) -> bool:
    return all(published.keys() <= receiver.first_at[key].keys() for key in keys)


def p99(receiver: Receiver, keys: Sequence[str], published: dict[str, float]) -> float:
    took = sorted(receiver.first_at[key][event_id] - at for key in keys for event_id, at in published.items())
    return took[len(took) * 99 // 100]


def let_one_hang(account: Account, receiver: Receiver) -> Destination:
    receiver.behave = lambda key: "hang" if key == DEAD else "take"
    dead = make_destination(account, secrets={"api_key": DEAD}, description="dead")
    make_subscription(account, dead)
    return dead


@pytest.mark.slow
def test_a_destination_that_hangs_keeps_nothing_from_the_others(
    account: Account, healthy: list[str], workers: Workers, receiver: Receiver
) -> None:
    """The first call hangs in a common worker, all further ones in those for slow destinations."""
    let_one_hang(account, receiver)

    published = publish_for(account, seconds=3, distance=0.5)

    wait_until(lambda: receiver.answered[DEAD]["hang"] > 0, 60, "Nothing hangs.")
    wait_until(lambda: has_come(receiver, healthy, published), 120, "The healthy ones wait.")
    assert receiver.taken[DEAD] == {}


@pytest.mark.proof
def test_a_destination_that_hangs_does_not_slow_the_others_down(
    account: Account, healthy: list[str], workers: Workers, receiver: Receiver
) -> None:
    """Long enough for the dead one to be tried many times, in a common worker and in that for slow ones."""
    undisturbed = publish_for(account, seconds=60, distance=2)
    wait_until(lambda: has_come(receiver, healthy, undisturbed), 120, "They are not carried.")

    let_one_hang(account, receiver)
    disturbed = publish_for(account, seconds=60, distance=2)
    wait_until(lambda: has_come(receiver, healthy, disturbed), 120, "The healthy ones wait.")

    before, after = p99(receiver, healthy, undisturbed), p99(receiver, healthy, disturbed)
    print(f"p99 of 49 healthy destinations: {before:.3f} s undisturbed, {after:.3f} s beside a dead one")  # noqa: T201
    assert receiver.answered[DEAD]["hang"] >= 2
    assert after <= 2 * before + TOLERANCE_SECONDS


def subscribe_failing(account: Account, key: str) -> None:
    """A destination that is known to fail, due at once."""
    place = make_destination(account, secrets={"api_key": key}, description=key)
    Destination.objects.filter(pk=place.pk).update(consecutive_failures=1)
    make_subscription(account, place)


@pytest.mark.slow
def test_one_that_fails_gets_its_turn_beside_many_that_hang(
    account: Account, workers: Workers, receiver: Receiver
) -> None:
    """They share the queue for slow destinations, whose one worker would take 15 s for each of them."""
    receiver.behave = lambda key: "hang" if key in hanging else "take"
    hanging = {f"{number:032x}" for number in range(6)}
    for key in hanging:
        subscribe_failing(account, key)
    publish([make_event()], account=account)
    wait_until(lambda: sum(receiver.answered[key]["hang"] for key in hanging) >= 4, 90, "Too few hang.")

    subscribe_failing(account, DEAD)
    published_at = time.time()
    event_id = publish([make_event()], account=account).event_ids[0]

    wait_until(lambda: event_id in receiver.first_at[DEAD], 90, "It waits for those that hang.")
    assert receiver.first_at[DEAD][event_id] - published_at < SEND_SECONDS
