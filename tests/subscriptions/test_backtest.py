"""What unsaved sources would have taken from stored events."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from delivery.models import Delivery
from delivery.route import route_account
from destinations.models import TestRun
from destinations.targets import all_targets
from events.catalog import catalog
from events.filters.conditions import Condition, Group
from events.models import EventBatch
from events.publishing import publish
from events.stored import find_event
from subscriptions import backtest as module
from subscriptions import measuring
from subscriptions.backtest import run_backtest, start_backtest
from subscriptions.measuring import Budget, measure
from subscriptions.models import Backtest, TargetPrice
from subscriptions.pricing import counted_bytes, list_prices, prices_for
from subscriptions.reading import Reading, SavedReading, from_json
from subscriptions.services import SourceSpec
from subscriptions.trial import make_trial
from tests.factories import HTTP, TCP, make_account, make_destination, make_event, make_subscription

PORT_443 = "ev.conn.server_port == 443"


def make_events(count: int, **conn: Any) -> list[dict[str, Any]]:
    held = {"server_name": "api.acme.app", "server_port": 443, **conn}
    return [make_event(object={"conn": held, "http": {"request": {"method": "get"}}}) for _ in range(count)]


def start(account: Account, *sources: SourceSpec, **fields: Any) -> Backtest:
    return start_backtest(account=account, key="draft:1", sources=sources or (SourceSpec(HTTP, PORT_443),), **fields)


def result(run: Backtest) -> Reading:
    run.refresh_from_db()
    assert run.reading is not None
    return from_json(run.reading)


def trial(text: str = PORT_443, fields: list[str] | None = None, name: str = HTTP) -> Any:
    return make_trial(catalog()[name], text, fields, None, ())


# Counting


@pytest.fixture
def traffic(account: Account) -> list[str]:
    """IDs of 3 events on port 443, 2 on port 80, 1 without a port, in two batches, and another type's."""
    first = publish([*make_events(2), *make_events(2, server_port=80)], account=account).event_ids
    publish([make_event(TCP)], account=account)
    odd = make_event(object={"conn": {"server_name": "x.acme.app"}})
    return [*first, *publish([odd, *make_events(1)], account=account).event_ids]


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


# Budget, progress, cancelling


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


# Prices


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


# Pages


def test_the_fragment_asks_again_until_the_run_is_over(
    owner_client: Client, account: Account, traffic: list[str]
) -> None:
    run = start(account)
    url = f"/subscriptions/backtests/{run.pk}/"

    waiting = owner_client.get(url, headers={"HX-Request": "true"}).content.decode()
    run_backtest(run.pk)
    done = owner_client.get(url, headers={"HX-Request": "true"}).content.decode()

    assert f'hx-get="{url}"' in waiting
    assert "counting" in waiting
    assert f'hx-get="{url}"' not in done
    assert "<title>" not in done
    assert "</span> of 6 events match" in done
    assert "3 match (50" in done


def test_the_page_stands_without_scripts(owner_client: Client, account: Account, traffic: list[str]) -> None:
    run = start(account)

    page = owner_client.get(f"/subscriptions/backtests/{run.pk}/").content.decode()

    assert "<title>Backtest" in page
    assert 'http-equiv="refresh"' in page


def test_a_sample_shows_what_is_sent_of_it(owner_client: Client, account: Account, traffic: list[str]) -> None:
    run = start(account, SourceSpec(HTTP, PORT_443, ["conn.server_name"]))
    run_backtest(run.pk)

    page = owner_client.get(f"/subscriptions/backtests/{run.pk}/sample/?n=2").content.decode()

    assert "2 of 3" in page
    # Newest second first: which of them is the second depends on whether a second ended between the batches.
    assert any(event_id in page for event_id in (traffic[0], traffic[1], traffic[5]))
    assert "not sent: " in page


def test_a_refused_sample_shows_the_clause_that_refused_it(
    owner_client: Client, account: Account, traffic: list[str]
) -> None:
    run = start(account, SourceSpec(HTTP, f"has(ev.conn.server_name) && {PORT_443} && has(ev.conn.client_ip)"))
    run_backtest(run.pk)

    page = owner_client.get(f"/subscriptions/backtests/{run.pk}/sample/?outcome=refused&n=4").content.decode()

    assert "it was 80" in page
    assert "not reached" in page


@pytest.mark.parametrize("query", ["n=0", "n=-1", "n=9999", "n=x", "n=²", "outcome=evil", ""])
def test_a_strange_sample_number_is_no_error(
    owner_client: Client, account: Account, traffic: list[str], query: str
) -> None:
    run = start(account)
    run_backtest(run.pk)

    assert owner_client.get(f"/subscriptions/backtests/{run.pk}/sample/?{query}").status_code == 200


def test_the_kind_of_sample_that_was_chosen_stays_for_the_next_run(
    owner_client: Client, account: Account, traffic: list[str]
) -> None:
    urls = []
    for _ in range(2):
        run = start(account)
        run_backtest(run.pk)
        urls.append(f"/subscriptions/backtests/{run.pk}/sample/")

    assert owner_client.get(urls[0]).context["outcome"] == "matched"
    owner_client.get(f"{urls[0]}?outcome=refused")
    assert owner_client.get(urls[1]).context["outcome"] == "refused"
    owner_client.cookies["sample_outcome"] = "evil"
    assert owner_client.get(urls[1]).context["outcome"] == "matched"


def test_where_nothing_matches_the_first_sample_is_a_refused_one(
    owner_client: Client, account: Account, traffic: list[str]
) -> None:
    run = start(account, SourceSpec(HTTP, "ev.conn.server_port == 1"))
    run_backtest(run.pk)

    assert owner_client.get(f"/subscriptions/backtests/{run.pk}/sample/").context["outcome"] == "refused"


def test_samples_without_events_say_so(owner_client: Client, account: Account, traffic: list[str]) -> None:
    run = start(account, SourceSpec(HTTP))
    run_backtest(run.pk)

    none = owner_client.get(f"/subscriptions/backtests/{run.pk}/sample/?outcome=refused").content.decode()
    EventBatch.objects.update(payload=None)
    pruned = owner_client.get(f"/subscriptions/backtests/{run.pk}/sample/?outcome=matched").content.decode()

    assert "None of the events that were read is filtered out." in none
    assert "is not kept any more" in pruned


@pytest.mark.parametrize("tail", ["", "sample/"])
def test_foreign_expired_and_missing_runs_are_not_there(
    stranger_client: Client, owner_client: Client, account: Account, traffic: list[str], tail: str
) -> None:
    run = start(account)
    run_backtest(run.pk)
    url = f"/subscriptions/backtests/{run.pk}/{tail}"

    assert owner_client.get(url).status_code == 200
    assert stranger_client.get(url).status_code == 404
    assert owner_client.get(f"/subscriptions/backtests/bt_nothing/{tail}").status_code == 404
    assert owner_client.post(url).status_code == 405
    assert Client().get(url).status_code == 302
    Backtest.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert owner_client.get(url).status_code == 404


def test_a_sample_before_there_are_figures_is_not_there(owner_client: Client, account: Account) -> None:
    run = start(account)

    assert owner_client.get(f"/subscriptions/backtests/{run.pk}/sample/").status_code == 404


def test_the_fragment_needs_few_queries(owner_client: Client, account: Account, traffic: list[str]) -> None:
    run = start(account)
    run_backtest(run.pk)
    owner_client.get("/catalogue/")

    with CaptureQueriesContext(
        connection,
    ) as queries:
        owner_client.get(f"/subscriptions/backtests/{run.pk}/", headers={"HX-Request": "true"})

    assert len(queries) <= 5


def test_text_from_events_and_filters_is_escaped(owner_client: Client, account: Account) -> None:
    publish(make_events(1, server_name="<script>alert(1)</script>"), account=account)
    run = start(account, SourceSpec(HTTP, "ev.conn.server_name == '<script>alert(2)</script>'"))
    run_backtest(run.pk)

    page = owner_client.get(f"/subscriptions/backtests/{run.pk}/sample/?outcome=refused").content.decode()

    assert "alert(1)" in page
    assert "<script>alert" not in page


def test_a_matched_event_is_sent_as_a_test(owner_client: Client, account: Account, traffic: list[str]) -> None:
    place = make_destination(account)
    run = start(account, SourceSpec(HTTP, PORT_443, ["conn.server_name"]), destinations=[place])
    run_backtest(run.pk)
    send = f"/subscriptions/backtests/{run.pk}/samples/{traffic[5]}/send_test/"
    assert send in owner_client.get(f"/subscriptions/backtests/{run.pk}/sample/").content.decode()

    answer = owner_client.post(send, {"test_destination": place.pk}, headers={"HX-Request": "true"})
    plain = owner_client.post(send, {"test_destination": place.pk})

    test, other = TestRun.objects.order_by("pk")
    assert f"/destinations/tests/{test.pk}/" in answer.content.decode()
    assert plain.headers["Location"] == f"/destinations/tests/{other.pk}/"
    record = json.loads(bytes(test.record))
    assert (record["event_id"], record["test"]) == (traffic[5], True)
    assert record["object"] == {"conn": {"server_name": "api.acme.app"}}
    assert test.destination == place


def test_only_what_matched_goes_only_to_the_runs_destinations_and_only_by_editors(
    owner_client: Client, viewer_client: Client, stranger_client: Client, account: Account, traffic: list[str]
) -> None:
    place, other = make_destination(account), make_destination(account)
    run = start(account, destinations=[place])
    run_backtest(run.pk)
    samples = f"/subscriptions/backtests/{run.pk}/samples"
    matched = f"{samples}/{traffic[5]}/send_test/"

    statuses = [
        owner_client.post(f"{samples}/{traffic[4]}/send_test/", {"test_destination": place.pk}).status_code,
        owner_client.post(matched, {"test_destination": other.pk}).status_code,
        owner_client.post(matched).status_code,
        stranger_client.post(matched, {"test_destination": place.pk}).status_code,
        viewer_client.post(matched, {"test_destination": place.pk}).status_code,
    ]

    assert statuses == [404, 404, 404, 404, 403]
    assert not TestRun.objects.exists()
    assert matched not in viewer_client.get(f"{samples.removesuffix('s')}/").content.decode()


# The command


def test_the_command_prints_the_figures(account: Account, traffic: list[str]) -> None:
    make_destination(account)
    out = StringIO()

    call_command("backtest", type=HTTP, filter=f"{PORT_443} && has(ev.conn.server_name)", window="all", stdout=out)

    printed = out.getvalue()
    assert "3 of 6 events match (50" in printed
    assert f"3 pass {PORT_443}" in printed
    assert re.search(r"Datadog EU: \d+\.\d\d USD \(as of \d{4}-\d\d-\d\d\)", printed)
    assert not Backtest.objects.exists()


def test_the_command_gives_json(account: Account, traffic: list[str]) -> None:
    out = StringIO()

    call_command("backtest", type=HTTP, filter=PORT_443, fields="conn.server_name", json=True, stdout=out)

    figures = json.loads(out.getvalue())
    assert (figures["matched"], figures["total"], figures["sources"][0]["event_type"]) == (3, 6, HTTP)
    assert figures["bytes_out"] < figures["bytes_in"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"type": "nothing.v0"}, "There is no event type"),
        ({"type": HTTP, "filter": "ev.conn.server_port = 1"}, "Line 1, column 21"),
        ({"type": HTTP, "fields": "nothing"}, "has no field"),
    ],
)
def test_the_command_refuses_bad_input(account: Account, options: dict[str, str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        call_command("backtest", **options)


def test_an_event_is_found_by_its_id(account: Account, traffic: list[str]) -> None:
    found = find_event(account.pk, traffic[1])

    assert found is not None
    assert found.event_id == traffic[1]
    assert find_event(make_account().pk, traffic[1]) is None
    assert find_event(account.pk, traffic[1][:-1] + "~") is None
    assert find_event(account.pk, "ev_") is None
