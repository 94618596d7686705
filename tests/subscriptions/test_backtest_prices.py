"""What a month of the records that a backtest found would cost."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from accounts.models import Account
from destinations.targets import all_targets
from events.models import EventBatch
from events.publishing import publish
from subscriptions.backtest import run_backtest
from subscriptions.models import TargetPrice
from subscriptions.pricing import counted_bytes, list_prices, prices_for
from tests.factories import make_account, make_destination
from tests.subscriptions.backtesting import make_events, result, start


def test_each_destination_has_its_price_of_a_month(account: Account) -> None:
    publish(make_events(100), account=account)
    EventBatch.objects.update(accepted_at=timezone.now() - timedelta(hours=24, seconds=-30))
    datadog = make_destination(account)

    run = start(account, destinations=[datadog])
    run_backtest(run.pk)

    reading = result(run)
    (priced,) = reading.destinations
    listed = list_prices()["datadog"]
    expected = Decimal(reading.events_a_month) * listed.per_million_records / 10**6
    expected += Decimal(reading.bytes_a_month) * listed.per_gb / 10**9
    assert priced.price == expected.quantize(Decimal("0.01"))
    assert priced.price > 0
    assert (priced.name, priced.currency, priced.as_of) == ("Datadog EU", "USD", listed.as_of.isoformat())


def test_an_accounts_own_price_replaces_the_list_price(account: Account) -> None:
    TargetPrice.objects.create(account=account, target="datadog", per_million_records=Decimal(1000), source="Contract")
    TargetPrice.objects.create(account=make_account(), target="kinesis", per_gb=Decimal(99))

    prices = prices_for(account)

    assert prices["datadog"].is_own
    assert prices["datadog"].of(2_000_000, 0) == Decimal("2000.00")
    assert prices["kinesis"] == list_prices()["kinesis"]


def test_services_that_round_records_up_are_counted_so() -> None:
    assert [counted_bytes(size, (0, 1024)) for size in (1, 1024, 1025)] == [1024, 1024, 2048]
    assert counted_bytes(100, (26, 1)) == 126


def test_every_target_has_a_list_price_with_source_and_date() -> None:
    assert set(list_prices()) == set(all_targets())
    for price in list_prices().values():
        assert price.source.startswith("https://")
        assert price.basis
        assert price.as_of <= timezone.localdate()


def test_a_foreign_destination_has_no_price_here(account: Account) -> None:
    foreign = make_destination(make_account())

    run = start(account, destinations=[foreign])
    run_backtest(run.pk)

    assert result(run).destinations == ()
