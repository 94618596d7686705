"""The figures of a subscription by the hour."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import Account
from dashboard.subscription_figures import HOURS, figures_of, places_of, window_start
from delivery.models import Origin, Tally
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


def test_what_was_sent_again_is_told_from_what_was_matched(account: Account) -> None:
    place, other = make_destination(account), make_destination(account)
    subscription = make_subscription(account, place, other)
    for origin, delivered, dead in ((Origin.ROUTING, 180, 2), (Origin.REPLAY, 175, 0)):
        Tally.objects.create(
            account=account, minute=NOW, subscription=subscription, destination=place, revision=1, event_type=HTTP,
            origin=origin, delivered=delivered, dead=dead,
        )  # fmt: skip

    figures = {each.destination: (each.delivered, each.replayed, each.dead) for each in places_of(subscription, NOW)}

    assert figures == {place: (355, 175, 2), other: (0, 0, 0)}
