"""The figures of a subscription by the hour."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import Account
from dashboard.subscription_figures import HOURS, figures_of, window_start
from delivery.models import Tally
from tests.factories import HTTP, make_destination, make_subscription

NOW = datetime(2026, 11, 22, 13, 2, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/Los_Angeles"])
def test_each_hour_has_its_place_in_any_time_zone(account: Account, zone: str) -> None:
    subscription = make_subscription(account, make_destination(account))
    start = window_start(NOW)
    for place, matched in ((-1, 1000), (0, 1), (11, 2), (HOURS - 1, 3)):
        for minute in (0, 1):
            Tally.objects.create(
                account=account, minute=start + timedelta(hours=place, minutes=minute), subscription=subscription,
                revision=1, event_type=HTTP, matched=matched, dead=matched == 2,
            )  # fmt: skip

    with timezone.override(zone):
        figures = figures_of([subscription], NOW)[subscription.pk]

    assert figures.matched == 12
    assert {place: hour for place, hour in enumerate(figures.by_hour) if hour != (0, 0)} == {
        0: (2, 0), 11: (4, 2), HOURS - 1: (6, 0),
    }  # fmt: skip
