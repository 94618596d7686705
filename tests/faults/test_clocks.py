"""Hosts whose clocks differ: leases and due times go by the database's clock, so nobody takes work from the other."""

from collections.abc import Iterator

import pytest

from accounts.models import Account
from events.publishing import publish
from tests.factories import make_destination, make_event, make_subscription
from tests.faults.conftest import Environment, assert_nothing_is_lost, wait_until_settled
from tests.faults.processes import Workers
from tests.faults.receiver import Receiver

HOUR = 3600.0

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("postgres")]


@pytest.fixture
def hosts(environment: Environment) -> Iterator[list[Workers]]:
    """One an hour ahead, the other an hour behind; their leases are those of production."""
    running = [Workers({**environment, "LEASE_SECONDS": "30"}, skew) for skew in (HOUR, -HOUR)]
    yield running
    for each in running:
        each.kill()


def test_hosts_with_wrong_clocks_carry_everything_once(
    account: Account, hosts: list[Workers], receiver: Receiver
) -> None:
    """Calls take long enough for a host that measured leases by its own clock to take over what the other holds."""
    receiver.behave = lambda _: "slow"
    keys = [f"{number:032x}" for number in range(4)]
    for key in keys:
        make_subscription(account, make_destination(account, secrets={"api_key": key}))
    published: list[str] = []

    for _ in range(20):
        published += publish([make_event() for _ in range(5)], account=account).event_ids
    wait_until_settled()

    assert_nothing_is_lost(receiver, keys, published)
    assert {count for key in keys for count in receiver.taken[key].values()} == {1}
