"""A success that took no record at all is how Kinesis and Firehose throttle, and no success of the destination."""

import pytest

from accounts.models import Account
from delivery.drain import drain
from delivery.route import route_account
from destinations.models import Destination
from destinations.outcome import Rejection, SendResult
from destinations.targets.datadog import Datadog
from events.publishing import publish
from tests.factories import make_destination, make_event, make_subscription

pytestmark = pytest.mark.django_db


def test_it_is_backed_off_from_further_each_time(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    destination = make_destination(account)
    make_subscription(account, destination)
    refused = SendResult("200", "r", (Rejection(0, "ServiceUnavailableException", "Slow down.", retryable=True),))
    monkeypatch.setattr(Datadog, "send", lambda *_: refused)
    publish([make_event()], account=account)
    route_account(account.pk)

    for _ in range(5):
        Destination.objects.filter(pk=destination.pk).update(retry_at=None)
        drain(destination.pk)

    destination.refresh_from_db()
    assert destination.consecutive_failures == 5
    assert destination.last_success_at is None
