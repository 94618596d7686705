"""What unsaved sources would have taken from stored events: matched, refused, their bytes and clauses."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Account
from delivery.models import Delivery
from delivery.route import route_account
from events.by_id import find_event
from events.filters.conditions import Condition, Group
from events.models import EventBatch
from events.publishing import publish
from subscriptions.backtest import run_backtest
from subscriptions.backtest_figures import SavedReading
from subscriptions.measuring import measure
from subscriptions.models import Backtest
from subscriptions.services import SourceSpec
from tests.factories import HTTP, PORT_443, TCP, make_account, make_destination, make_subscription
from tests.subscriptions.backtesting import make_events, result, start, trial


def test_what_matches_and_what_is_refused_is_counted(account: Account, traffic: list[str]) -> None:
    run = start(account)

    run_backtest(run.pk)

    reading = result(run)
    assert (run.state, run.is_over, reading.is_complete) == (Backtest.State.DONE, True, True)
    assert (reading.total, reading.examined, reading.matched, reading.refused, reading.errors) == (6, 6, 3, 3, 1)
    assert (reading.is_sampled, reading.scale) == (False, 1.0)


def test_samples_are_the_newest_of_both_kinds(account: Account, traffic: list[str]) -> None:
    run = start(account)

    run_backtest(run.pk)

    (source,) = result(run).sources
    assert [each.event_id for each in source.matched_samples] == [traffic[5], traffic[1], traffic[0]]
    assert [each.event_id for each in source.refused_samples] == [traffic[4], traffic[3], traffic[2]]
    assert source.refused_samples[0].bytes_out is None


def test_bytes_are_those_of_the_records_that_would_go_out(account: Account, traffic: list[str]) -> None:
    fields = ["conn.server_name"]
    make_subscription(account, make_destination(account), sources=[SourceSpec(HTTP, PORT_443, fields)])
    route_account(account.pk)
    sent = Delivery.objects.get()

    run = start(account, SourceSpec(HTTP, PORT_443, fields))
    run_backtest(run.pk)

    reading = result(run)
    assert sent.count == reading.matched
    # A delivery's bytes count the end of each line.
    assert reading.bytes_out + reading.matched == sent.bytes
    assert reading.bytes_out < reading.bytes_in


def test_several_sources_are_counted_each_and_together(account: Account, traffic: list[str]) -> None:
    run = start(account, SourceSpec(HTTP, PORT_443), SourceSpec(TCP))

    run_backtest(run.pk)

    reading = result(run)
    assert [(source.event_type, source.matched) for source in reading.sources] == [(HTTP, 3), (TCP, 1)]
    assert (reading.total, reading.matched) == (7, 4)


def test_a_change_is_compared_with_the_filter_in_force(account: Account, traffic: list[str]) -> None:
    run = start(account, SourceSpec(HTTP, "ev.conn.server_port == 80"), SourceSpec(TCP), saved={HTTP: PORT_443})

    run_backtest(run.pk)

    reading = result(run)
    assert [source.saved for source in reading.sources] == [SavedReading(3, 2, 3), SavedReading(0, 1, 0)]
    assert (reading.change, reading.matched) == (SavedReading(3, 3, 3), 3)


@pytest.mark.parametrize(
    ("saved", "change"),
    [
        (None, None),
        ({HTTP: "ev.conn.no_such_field == 1"}, None),
        ({HTTP: PORT_443}, SavedReading(3, 0, 0)),
        ({HTTP: ""}, SavedReading(6, 0, 3)),
        ({TCP: ""}, SavedReading(0, 3, 0)),
    ],
)
def test_a_comparison_needs_a_filter_that_can_be_read(
    account: Account, traffic: list[str], saved: dict[str, str] | None, change: SavedReading | None
) -> None:
    run = start(account, saved=saved)

    run_backtest(run.pk)

    assert result(run).change == change


def test_only_the_accounts_own_events_are_read(account: Account, traffic: list[str]) -> None:
    other = make_account(name="Other")
    publish(make_events(5), account=other)

    run = start(account)
    run_backtest(run.pk)

    assert result(run).total == 6


@pytest.mark.parametrize(("window", "total"), [("1h", 1), ("24h", 2), ("all", 3)])
def test_the_window_is_that_of_acceptance(account: Account, window: str, total: int) -> None:
    for hours in (0.5, 5, 50):
        publish(make_events(1), account=account)
        newest = EventBatch.objects.order_by("-pk")[:1].values("pk")
        EventBatch.objects.filter(pk__in=newest).update(accepted_at=timezone.now() - timedelta(hours=hours))

    run = start(account, window=window)
    run_backtest(run.pk)

    reading = result(run)
    assert reading.total == total
    longest = {"1h": 3600, "24h": 86_400, "all": 50 * 3600}[window]
    assert reading.span_seconds == pytest.approx(longest, abs=5)
    assert reading.events_a_day == pytest.approx(total * 86_400 / longest, abs=1)
    assert reading.events_a_month == pytest.approx(30 * total * 86_400 / longest, abs=1)


def test_a_young_account_is_reckoned_from_its_own_time(account: Account) -> None:
    publish(make_events(10), account=account)
    EventBatch.objects.update(accepted_at=timezone.now() - timedelta(minutes=10))

    reading = measure(account, [trial()], "24h")

    assert reading.span_seconds == pytest.approx(600, abs=5)
    assert reading.events_a_day == pytest.approx(1440, rel=0.02)


def test_without_events_all_figures_are_zero(account: Account) -> None:
    run = start(account)

    run_backtest(run.pk)

    reading = result(run)
    assert (reading.total, reading.matched, reading.scale, reading.events_a_month) == (0, 0, 0.0, 0)


def test_pruned_payloads_are_left_out(account: Account, traffic: list[str]) -> None:
    EventBatch.objects.update(payload=None)

    assert measure(account, [trial()], "all").total == 0


def test_each_condition_is_counted_alone(account: Account, traffic: list[str]) -> None:
    group = Group(
        "all",
        (
            Condition("conn.server_port", "is", (443,)),
            Group("any", (Condition("conn.server_name", "ends_with", (".acme.app",)),)),
            Condition("conn.client_ip", "matches", ("^(10",)),
        ),
    )
    run = start(account, conditions={HTTP: group})

    run_backtest(run.pk)

    clauses = {each.place: each.passes for each in result(run).sources[0].clauses}
    assert clauses == {(0,): 3, (1,): 6, (1, 0): 6, (2,): None}


def test_the_parts_of_a_text_are_counted_alone(account: Account, traffic: list[str]) -> None:
    run = start(account, SourceSpec(HTTP, f"{PORT_443} && !(ev.conn.server_name == 'x') && has(ev.conn.server_port)"))

    run_backtest(run.pk)

    clauses = [(each.text, each.passes) for each in result(run).sources[0].clauses]
    assert clauses == [(PORT_443, 3), ("!(ev.conn.server_name == 'x')", 6), ("has(ev.conn.server_port)", 5)]


def test_an_event_is_found_by_its_id(account: Account, traffic: list[str]) -> None:
    found = find_event(account.pk, traffic[1])

    assert found is not None
    assert found.event_id == traffic[1]
    assert find_event(make_account().pk, traffic[1]) is None
    assert find_event(account.pk, traffic[1][:-1] + "~") is None
    assert find_event(account.pk, "ev_") is None
