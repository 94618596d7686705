"""Migrations that rewrite rows do so on a database that holds some, as every installation's does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Sum

from accounts.models import Account
from delivery.models import AccountTally, Tally
from delivery.rolling_up import tallies_of
from tests.factories import make_destination, make_subscription

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.fixture
def before_quarters() -> Iterator[Any]:
    """The models as they were when tallies were by the minute or by the hour; afterwards all is brought up to date."""
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    executor.migrate([("delivery", "0006_hourly_tallies")])
    try:
        yield MigrationExecutor(connection).loader.project_state([("delivery", "0006_hourly_tallies")]).apps
    finally:
        MigrationExecutor(connection).migrate(latest)


def bring_up_to_date() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_hourly_tallies_keep_their_figures(account: Account, before_quarters: Any) -> None:
    destination = make_destination(account)
    subscription = make_subscription(account, destination)
    old = before_quarters.get_model("delivery", "Tally")
    common = {
        "account_id": account.pk,
        "subscription_id": subscription.pk,
        "destination_id": destination.pk,
        "revision": 1,
        "origin": "routing",
    }
    old.objects.bulk_create(
        [
            old(**common, minute=HOUR, event_type="a.v0", matched=5, delivered=4, dead=1, is_hourly=True),
            old(**common, minute=HOUR, event_type="b.v0", matched=7, delivered=7, is_hourly=True),
            old(**common, minute=HOUR + timedelta(hours=1), event_type="a.v0", filtered=3, is_hourly=True),
            old(**common, minute=HOUR + timedelta(hours=2, minutes=7), event_type="a.v0", matched=2, is_hourly=False),
        ]
    )

    bring_up_to_date()

    assert sorted(Tally.objects.values_list("minute", "event_type", "span", "matched")) == [
        (HOUR, "a.v0", 60, 5),
        (HOUR, "b.v0", 60, 7),
        (HOUR + timedelta(hours=1), "a.v0", 60, 0),
        (HOUR + timedelta(hours=2, minutes=7), "a.v0", 1, 2),
    ]
    summed = AccountTally.objects.order_by("minute").values_list("minute", "matched", "filtered", "delivered", "dead")
    assert list(summed) == [(HOUR, 12, 0, 11, 1), (HOUR + timedelta(hours=1), 0, 3, 0, 0)]
    assert sum(rows.aggregate(n=Sum("matched", default=0))["n"] for rows in tallies_of(account, HOUR)) == 14
