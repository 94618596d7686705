"""From the commit to the worker, over a real queue."""

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from accounts.models import Account, AuditEntry
from common import wake
from delivery.models import Delivery
from delivery.sweep import sweep
from delivery.workers import work
from destinations.models import Destination, TestRun
from destinations.testing import start_test_run
from events.models import EventBatch
from events.publishing import publish
from tests.carrying import FakeDatadog
from tests.factories import make_event
from tests.waking import jobs, work_everything

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("waking")]


def test_workers_carry_what_is_published_and_publish_what_was_changed(
    account: Account, listening: Destination, datadog: FakeDatadog, redis: "Redis"
) -> None:
    receipt = publish([make_event()], account=account)

    work_everything()

    assert datadog.event_ids == list(receipt.event_ids)
    assert not AuditEntry.objects.filter(published_at=None).exists()
    types = [name for batch in EventBatch.objects.order_by("pk") for name in batch.types]
    assert {"event_destination_created.v0", "event_subscription_created.v0"} <= set(types)


def test_a_wake_up_comes_after_the_commit_and_only_once_while_it_waits(account: Account, redis: "Redis") -> None:
    with transaction.atomic():
        publish([make_event()], account=account)
        assert jobs(redis, "route") == 0
    assert jobs(redis, "route") == 1

    publish([make_event()], account=account)
    assert jobs(redis, "route") == 1


def test_a_rolled_back_publication_wakes_nobody(account: Account, redis: "Redis") -> None:
    with transaction.atomic():
        publish([make_event()], account=account)
        transaction.set_rollback(True)

    assert jobs(redis, "route") == 0
    assert not EventBatch.objects.exists()


def test_events_are_accepted_while_redis_is_gone_and_the_sweep_finds_them(
    account: Account, listening: Destination, datadog: FakeDatadog, redis: "Redis", settings: Settings
) -> None:
    url = settings.REDIS_URL
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    wake.connection.cache_clear()
    receipt = publish([make_event()], account=account)
    settings.REDIS_URL = url
    wake.connection.cache_clear()
    wake._silent_until = 0.0
    # What the fixtures' own changes woke.
    redis.flushall()
    work_everything()
    assert datadog.arrived == []

    sweep()
    work_everything()

    assert datadog.event_ids == list(receipt.event_ids)


def test_flushing_redis_loses_nothing(
    account: Account, listening: Destination, datadog: FakeDatadog, redis: "Redis"
) -> None:
    receipt = publish([make_event()], account=account)
    redis.flushall()
    sweep()
    work("route", burst=True)
    redis.flushall()

    sweep()
    work_everything()

    assert datadog.event_ids == list(receipt.event_ids)
    assert not Delivery.objects.waiting().exists()


def test_a_failing_destination_moves_to_the_slow_queue(
    account: Account, listening: Destination, redis: "Redis"
) -> None:
    publish([make_event()], account=account)
    work("route", burst=True)
    redis.flushall()
    Destination.objects.update(consecutive_failures=1, retry_at=timezone.now())

    sweep()

    assert (jobs(redis, "drain"), jobs(redis, "drain-slow")) == (0, 1)


def test_a_test_run_is_done_by_the_interactive_worker(
    account: Account, listening: Destination, datadog: FakeDatadog, redis: "Redis"
) -> None:
    run = start_test_run(
        account=account,
        target="datadog",
        config=listening.config,
        secrets=listening.secrets,
        destination=listening,
    )

    work("interactive", burst=True)

    run.refresh_from_db()
    assert run.is_over
    assert run.secrets == run.config == {}
    assert TestRun.objects.count() == 1


def test_no_job_carries_a_secret(account: Account, listening: Destination, redis: "Redis") -> None:
    start_test_run(account=account, target="datadog", config={}, secrets={"api_key": "canary-1234567890"})
    publish([make_event(object={"conn": {"server_name": "canary.acme.app"}})], account=account)

    for key in redis.scan_iter("rq:job:*"):
        assert b"canary" not in b"".join(map(redis.connection_pool.get_encoder().encode, redis.hgetall(key).values()))


def test_many_destinations_stand_in_line_once_and_need_one_job(redis: "Redis") -> None:
    wake.drain("ed_2", "ed_1")
    wake.drain("ed_3", "ed_2")
    wake.clear(wake.DRAIN, "drain")
    wake.drain("ed_3")

    assert jobs(redis, "drain") == 1, "The one that stands will find them."
    assert wake.next_ready("drain", 2) == (["ed_2", "ed_1"], 1)
    assert wake.next_ready("drain", 2) == (["ed_3"], 0)
    assert wake.next_ready("drain", 2) == ([], 0)


def test_without_redis_nobody_stands_in_line(redis: "Redis", settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    wake.connection.cache_clear()

    wake.drain("ed_1")

    assert wake.next_ready("drain", 1) == ([], 0)


@pytest.mark.parametrize(("queue_name", "failures"), [("drain", 0), ("drain-slow", 1)])
def test_each_queue_has_a_line_of_its_own(
    account: Account, listening: Destination, datadog: FakeDatadog, redis: "Redis", queue_name: str, failures: int
) -> None:
    publish([make_event()], account=account)
    work("route", burst=True)
    redis.flushall()
    Destination.objects.update(consecutive_failures=failures)
    sweep()

    for other in {"drain", "drain-slow"} - {queue_name}:
        work(other, burst=True)
    assert datadog.arrived == []
    work(queue_name, burst=True)

    assert len(datadog.arrived) == 1
