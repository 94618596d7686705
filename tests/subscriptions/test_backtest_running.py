"""A backtest at work: sampling past the budget, figures while it reads, cancelling, taking over, refusing to start."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Account
from events.models import EventBatch
from events.publishing import publish
from subscriptions import backtest as module
from subscriptions import measuring
from subscriptions.backtest import run_backtest, start_backtest
from subscriptions.backtest_figures import Reading
from subscriptions.measuring import Budget, measure
from subscriptions.models import Backtest
from subscriptions.services import SourceSpec
from tests.factories import HTTP
from tests.subscriptions.backtesting import make_events, result, start, trial


def test_past_the_budget_the_window_is_sampled_and_says_so(account: Account) -> None:
    for port in [443, 80] * 10:
        publish(make_events(10, server_port=port), account=account)

    reading = measure(account, [trial()], "all", budget=Budget(events=50))

    assert (reading.is_sampled, reading.total, reading.expected) == (True, 200, 50)
    assert 30 <= reading.examined <= 75
    assert reading.estimated_matched + reading.estimated_refused == 200


def test_a_sample_is_spread_over_the_window(account: Account) -> None:
    ids = [publish(make_events(1), account=account).event_ids[0] for _ in range(40)]

    reading = measure(account, [trial()], "all", budget=Budget(events=8))

    read = [ids.index(each.event_id) for each in reading.sources[0].matched_samples]
    assert read == sorted(read, reverse=True)
    assert {position // 10 for position in read} == {0, 1, 2, 3}
    assert reading.estimated_matched == 40


def test_one_batch_over_the_budget_is_read_all_the_same(account: Account) -> None:
    publish(make_events(30), account=account)

    reading = measure(account, [trial()], "all", budget=Budget(events=10))

    assert (reading.examined, reading.total) == (30, 30)


@pytest.fixture
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two events at once instead of a thousand."""
    monkeypatch.setattr(measuring, "PORTION_EVENTS", 2)


def test_out_of_time_what_was_read_is_a_sample(account: Account, small_portions: None) -> None:
    for _ in range(5):
        publish(make_events(2), account=account)

    reading = measure(account, [trial()], "all", budget=Budget(seconds=0))

    assert (reading.is_sampled, reading.is_complete, reading.examined, reading.total) == (True, True, 2, 10)
    assert reading.estimated_matched == 10


def test_figures_of_the_newest_come_first_and_then_they_grow(account: Account, small_portions: None) -> None:
    for port in (80, 80, 443, 443):
        publish(make_events(2, server_port=port), account=account)
    seen: list[Reading] = []

    def report(reading: Reading) -> bool:
        seen.append(reading)
        return True

    measure(account, [trial()], "all", budget=Budget(report_seconds=0), report=report)

    assert [(each.examined, each.is_counted, each.is_complete) for each in seen] == [
        (2, False, False), (2, True, False), (4, True, False), (6, True, False), (8, True, False), (8, True, True),
    ]  # fmt: skip
    assert [(each.matched, each.total) for each in seen] == [(2, 2), (2, 8), (4, 8), (4, 8), (4, 8), (4, 8)]
    assert seen[0].events_a_month == 0


def test_a_newer_run_of_the_same_key_cancels_the_older(account: Account) -> None:
    older, other = start(account), start_backtest(account=account, key="draft:2", sources=[SourceSpec(HTTP)])

    newer = start(account)

    older.refresh_from_db()
    other.refresh_from_db()
    assert (older.state, other.state, newer.state) == ("cancelled", "queued", "queued")
    run_backtest(older.pk)
    older.refresh_from_db()
    assert older.reading is None


def test_a_running_one_stops_between_portions_when_it_is_cancelled(account: Account, small_portions: None) -> None:
    for _ in range(4):
        publish(make_events(2), account=account)
    run = start(account)
    Backtest.objects.filter(pk=run.pk).update(state="running")
    seen: list[int] = []

    def report(reading: Reading) -> bool:
        seen.append(reading.examined)
        if len(seen) == 3:
            start(account)
        return module._save(run, reading)

    measure(account, [trial()], "all", budget=Budget(report_seconds=0), report=report)

    assert seen == [2, 2, 4]
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert result(run).examined == 2


def test_running_it_twice_does_no_harm(account: Account, traffic: list[str]) -> None:
    run = start(account)
    run_backtest(run.pk)
    done = result(run)

    run_backtest(run.pk)

    assert result(run) == done


def test_one_that_lost_its_worker_is_taken_over(account: Account, traffic: list[str]) -> None:
    run = start(account)
    Backtest.objects.update(state="running", updated_at=timezone.now() - timedelta(minutes=1))

    run_backtest(run.pk)

    assert result(run).matched == 3


def test_a_fault_of_ours_ends_the_run_as_failed(account: Account, traffic: list[str]) -> None:
    run = start(account)
    EventBatch.objects.update(payload=b"{broken", encoding="raw")

    run_backtest(run.pk)

    run.refresh_from_db()
    assert (run.state, run.is_over) == ("failed", True)


def test_old_runs_are_deleted_when_a_new_one_starts(account: Account) -> None:
    old = start(account)
    Backtest.objects.update(created_at=timezone.now() - timedelta(hours=2))

    start(account)

    assert not Backtest.objects.filter(pk=old.pk).exists()


@pytest.mark.parametrize(
    "sources",
    [(), [SourceSpec("nothing.v0")], [SourceSpec(HTTP, "ev.nothing == 1")], [SourceSpec(HTTP, "", ["nothing"])]],
)
def test_sources_that_could_not_be_saved_are_refused(account: Account, sources: list[SourceSpec]) -> None:
    with pytest.raises(ValidationError):
        start_backtest(account=account, key="draft:1", sources=sources)

    assert not Backtest.objects.exists()


def test_an_unknown_window_is_refused(account: Account) -> None:
    with pytest.raises(ValidationError, match="There is no window 7d"):
        start(account, window="7d")
