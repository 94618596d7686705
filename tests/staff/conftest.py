"""Staff, and something for them to act on."""

import pytest
from django.test import Client

from accounts.models import Account, User
from destinations.models import Destination
from destinations.testing import run_test, start_test_run
from events.publishing import publish
from tests.carrying import Carry, FakeDatadog, answer
from tests.factories import BACKEND, make_api_key, make_destination, make_event, make_subscription
from tests.staff.acting import SECRET


@pytest.fixture
def staff(db: None) -> Client:
    user = User.objects.create_superuser("staff@example.com", "correct horse battery staple")
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


@pytest.fixture
def world(account: Account, datadog: FakeDatadog, carry: Carry) -> Destination:
    """At least one row of most models, among them a dead letter."""
    destination = make_destination(account, secrets={"api_key": SECRET})
    make_subscription(account, destination)
    make_api_key(account)
    datadog.answers = [answer(400)]
    publish([make_event()], account=account)
    carry(account)
    run = start_test_run(
        account=account,
        target="datadog",
        config=destination.config,
        secrets=destination.secrets,
        destination=destination,
    )
    run_test(run.pk)
    return destination
