"""A backtest on its page: figures that follow the run, samples, and sending one as a test."""

import json
import secrets
import time
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from common import ids
from destinations.models import TestRun
from events.models import EventBatch
from events.publishing import publish
from subscriptions.backtest import run_backtest
from subscriptions.models import Backtest
from subscriptions.services import SourceSpec
from tests.factories import HTTP, PORT_443, make_destination
from tests.subscriptions.backtesting import make_events, start


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


def head_of(second: int, drawn: int) -> str:
    return ids.base62((second - ids.KSUID_EPOCH << 128) + drawn, ids.KSUID_LENGTH)[:5]


def test_samples_of_one_second_stay_in_the_order_of_their_coming(
    owner_client: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the random part of an ID says otherwise; in this very second it reaches into the fifth character."""
    lowest, highest = 0, (1 << 128) - 9
    an_hour_ago = int(time.time()) - 3600
    second = next(each for each in count(an_hour_ago) if head_of(each, lowest) != head_of(each, highest))
    draws = iter([highest, lowest])
    monkeypatch.setattr(secrets, "randbelow", lambda _: next(draws))
    with time_machine.travel(datetime.fromtimestamp(second, UTC), tick=False):
        older = publish(make_events(1), account=account).event_ids[0]
        newer = publish(make_events(1), account=account).event_ids[0]
    monkeypatch.undo()
    assert newer < older
    run = start(account)

    run_backtest(run.pk)

    samples = f"/subscriptions/backtests/{run.pk}/sample/?outcome=matched&n="
    assert [newer in owner_client.get(f"{samples}{n}").content.decode() for n in (1, 2)] == [True, False]


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
