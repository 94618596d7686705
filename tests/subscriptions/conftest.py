"""What the tests of backtests and of the composer need."""

import pytest

from accounts.models import Account
from destinations.models import Destination
from events.publishing import publish
from subscriptions.models import Subscription
from subscriptions.services import SourceSpec
from tests.factories import AUDIT, HTTP, PORT_443, TCP, make_destination, make_event, make_subscription
from tests.subscriptions.backtesting import make_events


@pytest.fixture
def traffic(account: Account) -> list[str]:
    """IDs of 3 events on port 443, 2 on port 80, 1 without a port, in two batches, and another type's."""
    first = publish([*make_events(2), *make_events(2, server_port=80)], account=account).event_ids
    publish([make_event(TCP)], account=account)
    odd = make_event(object={"conn": {"server_name": "x.acme.app"}})
    return [*first, *publish([odd, *make_events(1)], account=account).event_ids]


@pytest.fixture
def place(account: Account) -> Destination:
    return make_destination(account)


@pytest.fixture
def subscription(account: Account) -> Subscription:
    sources = [SourceSpec(HTTP, PORT_443, ["conn.server_name"]), SourceSpec(AUDIT)]
    return make_subscription(account, make_destination(account), description="Checkout", sources=sources)
