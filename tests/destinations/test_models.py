"""What a request that has ended says of its destination."""

import pytest
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import Account
from destinations.models import Destination
from destinations.outcome import ConfigurationError
from destinations.services import update_destination
from tests.factories import make_destination

pytestmark = pytest.mark.django_db

REFUSED = ConfigurationError("Datadog refused the API key.", code="403", remedy="Type another.")


def test_what_was_refused_with_the_old_key_says_nothing_of_the_new_one(account: Account) -> None:
    """A request was under way with the old one when a person saved the new one: it would wait five minutes, blocked."""
    destination = make_destination(account)
    under_way = Destination.objects.get(pk=destination.pk)
    update_destination(destination=destination, actor=SYSTEM, secrets={"api_key": "f" * 32})

    under_way.block(REFUSED, timezone.now())

    now = Destination.objects.get(pk=destination.pk)
    assert (now.state, now.retry_at, now.error_code) == ("active", None, "")


def test_what_was_refused_with_the_key_in_force_blocks(account: Account) -> None:
    destination = make_destination(account)

    destination.block(REFUSED, timezone.now())

    now = Destination.objects.get(pk=destination.pk)
    assert (now.state, now.error_code, now.consecutive_failures) == ("blocked", "403", 1)
