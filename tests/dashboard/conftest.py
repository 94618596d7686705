"""A destination that stood well for long."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Account, User
from destinations.models import Destination
from tests.factories import make_destination


@pytest.fixture
def destination(account: Account, owner: User) -> Destination:
    """One that has been active for a month."""
    made = make_destination(account)
    Destination.objects.update(state_since=timezone.now() - timedelta(days=30))
    made.refresh_from_db()
    return made
