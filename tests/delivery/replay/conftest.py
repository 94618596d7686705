"""A subscription with a past, and another destination to send that to."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.audit import SYSTEM
from accounts.models import Account
from delivery.models import Replay
from delivery.replay import start_replay
from destinations.models import Destination
from events.publishing import publish
from subscriptions.models import Subscription
from subscriptions.services import SourceSpec
from tests.carrying import Carry, FakeDatadog
from tests.delivery.replay.replaying import steps, wanted
from tests.factories import HTTP, PORT_443, make_destination, make_subscription, on_port


@pytest.fixture
def subscription(account: Account) -> Subscription:
    return make_subscription(account, make_destination(account), sources=[SourceSpec(HTTP, PORT_443)])


@pytest.fixture
def other(account: Account) -> Destination:
    return make_destination(account, description="Other")


@pytest.fixture
def past(account: Account, subscription: Subscription, datadog: FakeDatadog, carry: Carry) -> list[str]:
    """IDs of nine events in three batches, two of three matching, all carried; what arrived is forgotten."""
    ids: list[str] = []
    for _ in range(3):
        ids += publish([on_port(443), on_port(80), on_port(443)], account=account).event_ids
        carry(account)
    datadog.arrived.clear()
    return ids


@pytest.fixture
def replayed(
    account: Account, subscription: Subscription, other: Destination, past: list[str], carry: Carry
) -> Callable[..., Replay]:
    """Replay the past to the other destination, as it is asked for, and carry that."""

    def run(**asked: Any) -> Replay:
        replay = start_replay(wanted(subscription, other, **asked), actor=SYSTEM)
        steps(replay, 3)
        carry(account)
        return replay

    return run
