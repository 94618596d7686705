"""A backtest over a real queue."""

import pytest
from django.conf import settings as django_settings
from django.test import Client
from redis import Redis

from accounts.models import Account
from delivery.workers import work
from events.publishing import publish
from subscriptions.backtest import start_backtest
from subscriptions.models import Backtest
from subscriptions.services import SourceSpec
from tests.factories import HTTP, make_event
from tests.waking import jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("waking")]


def start(account: Account) -> Backtest:
    return start_backtest(account=account, key="draft:1", sources=[SourceSpec(HTTP, "ev.conn.server_port == 443")])


def test_it_runs_on_the_interactive_queue_and_nowhere_else(account: Account, redis: "Redis") -> None:
    publish([make_event()], account=account)
    redis.flushdb()

    run = start(account)

    assert {name: jobs(redis, name) for name in django_settings.QUEUE_NAMES if jobs(redis, name)} == {"interactive": 1}
    run.refresh_from_db()
    assert (run.state, run.reading) == ("queued", None)
    for name in ("route", "drain", "drain-slow"):
        work(name, burst=True)
    run.refresh_from_db()
    assert run.state == "queued"
    work("interactive", burst=True)
    run.refresh_from_db()
    assert run.state == "done"
    assert run.reading is not None
    assert run.reading["sources"][0]["matched"] == 1


def test_a_superseded_run_is_passed_over(account: Account, redis: "Redis") -> None:
    publish([make_event()], account=account)
    runs = [start(account) for _ in range(3)]

    work("interactive", burst=True)

    assert [Backtest.objects.get(pk=run.pk).state for run in runs] == ["cancelled", "cancelled", "done"]


def test_looking_at_it_wakes_the_workers_again_when_the_wake_up_was_lost(
    account: Account, owner_client: Client, redis: "Redis"
) -> None:
    run = start(account)
    redis.flushdb()

    owner_client.get(f"/subscriptions/backtests/{run.pk}/", headers={"HX-Request": "true"})
    work("interactive", burst=True)

    run.refresh_from_db()
    assert run.state == "done"


def test_no_job_carries_the_filter(account: Account, redis: "Redis") -> None:
    start_backtest(
        account=account, key="draft:1", sources=[SourceSpec(HTTP, 'ev.conn.server_name == "canary.acme.app"')]
    )

    for key in redis.scan_iter("rq:job:*"):
        assert b"canary" not in b"".join(map(redis.connection_pool.get_encoder().encode, redis.hgetall(key).values()))
