"""Receivers that break the rules: every event arrives in the end, every repeat under its own ID."""

import os
import random
from collections.abc import Callable, Mapping

import pytest

from accounts.audit import SYSTEM
from accounts.models import Account
from destinations.models import Destination
from destinations.services import update_destination
from events.publishing import publish
from tests.factories import make_destination, make_event, make_subscription
from tests.faults.conftest import assert_nothing_is_lost, wait_until_settled
from tests.faults.processes import Workers, wait_until
from tests.faults.receiver import Receiver

# What each destination meets, by the key that it signs in with. Hanging costs a worker 14 s each time.
DATADOG = {
    "throttles with a hint": ["throttle"] * 2,
    "fails": ["fail"] * 3,
    "answers garbage": ["garbage"] * 3,
    "answers by halves": ["half_answer"] * 3,
    "closes amid the request": ["close_mid_body"] * 3,
    "takes and hangs up": ["hang_up"] * 3,
    "hangs": ["hang"],
}
AWS = {
    "refuses some records": ["refuse_some"] * 6,
    "Kinesis fails": ["fail", "garbage", "half_answer", "close_mid_body", "throttle"],
}
ROUNDS = [
    pytest.param(1, marks=pytest.mark.slow, id="short"),
    pytest.param(int(os.environ.get("FAULT_ROUNDS", "20")), marks=pytest.mark.proof, id="long"),
]


def datadog_key(number: int) -> str:
    return f"{number:032x}"


def aws_key(number: int) -> str:
    return f"AKIA{number:016}"


def make_destinations(account: Account) -> dict[str, list[str]]:
    """One for each misbehaviour, each with a subscription; what each is going to meet, by its key."""
    meets = {}
    for number, (name, misbehaviour) in enumerate(DATADOG.items()):
        key = datadog_key(number)
        make_subscription(account, make_destination(account, secrets={"api_key": key}, description=name))
        meets[key] = misbehaviour
    for number, (name, misbehaviour) in enumerate(AWS.items()):
        key = aws_key(number)
        config = {
            "auth": "keys",
            "aws_access_key_id": key,
            "stream_arn": f"arn:aws:kinesis:eu-west-1:111122223333:stream/stream-{number}",
        }
        secrets = {"aws_secret_access_key": "a-secret"}
        kinesis = make_destination(account, target="kinesis", config=config, secrets=secrets, description=name)
        make_subscription(account, kinesis)
        meets[key] = misbehaviour
    return meets


def in_turn(meets: Mapping[str, list[str]], draw: random.Random) -> Callable[[str], str]:
    """Each key meets its misbehaviours, in any order, then a healthy receiver."""
    left = {key: draw.sample(misbehaviour, len(misbehaviour)) for key, misbehaviour in meets.items()}

    def behave(key: str) -> str:
        return left[key].pop() if left.get(key) else "take"

    return behave


@pytest.mark.parametrize("rounds", ROUNDS)
def test_misbehaving_receivers_get_everything_in_the_end(
    account: Account, workers: Workers, receiver: Receiver, rounds: int
) -> None:
    draw = random.Random(3)
    meets = make_destinations(account)
    published: list[str] = []

    for _ in range(rounds):
        receiver.behave = in_turn(meets, draw)
        for _ in range(3):
            published += publish([make_event() for _ in range(30)], account=account).event_ids
        wait_until_settled()

    for key, misbehaviour in meets.items():
        assert set(misbehaviour) <= set(receiver.answered[key]), "It met what it was to meet."
    assert_nothing_is_lost(receiver, list(meets), published)


@pytest.mark.slow
def test_credentials_that_change_under_way_block_until_the_new_ones_are_there(
    account: Account, workers: Workers, receiver: Receiver
) -> None:
    old, new = datadog_key(1), datadog_key(2)
    destination = make_destination(account, secrets={"api_key": old})
    make_subscription(account, destination)
    published = list(publish([make_event() for _ in range(50)], account=account).event_ids)
    wait_until_settled()

    receiver.behave = lambda key: "forbid" if key == old else "take"
    published += publish([make_event() for _ in range(50)], account=account).event_ids
    wait_until(lambda: _state(destination) == Destination.State.BLOCKED, 120, "A refused key does not block.")
    published += publish([make_event() for _ in range(50)], account=account).event_ids
    update_destination(destination=destination, actor=SYSTEM, secrets={"api_key": new})
    wait_until_settled()

    assert _state(destination) == Destination.State.ACTIVE
    assert len(receiver.taken[old]) == 50
    receiver.taken[new].update(receiver.taken[old])
    assert_nothing_is_lost(receiver, [new], published)


def _state(destination: Destination) -> str:
    return Destination.objects.values_list("state", flat=True).get(pk=destination.pk)
