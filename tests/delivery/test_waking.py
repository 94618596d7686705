"""From the commit to the worker, over a real queue."""

from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from accounts.models import Account, AuditEntry
from common import wake
from delivery import jobs as jobs_module
from delivery.models import Delivery
from delivery.sweep import sweep
from delivery.turn import JobTurn
from delivery.workers import work
from destinations.models import Destination, TestRun
from destinations.testing import start_test_run
from events.models import EventBatch
from events.publishing import publish
from tests.carrying import FakeDatadog
from tests.factories import make_destination, make_event, make_subscription

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def queue(redis: "Redis", queue_server: str, settings: Settings) -> Iterator[None]:
    settings.REDIS_URL = queue_server
    wake.connection.cache_clear()
    wake._silent_until = 0.0
    yield
    wake.connection.cache_clear()


@pytest.fixture
def destination(account: Account, datadog: FakeDatadog) -> Destination:
    destination = make_destination(account)
    make_subscription(account, destination)
    return destination


def jobs(redis: "Redis", name: str) -> int:
    return len(Queue(name, connection=redis, serializer=JSONSerializer))


def work_everything() -> None:
    for name in django_settings.QUEUE_NAMES:
        work(name, burst=True)


def test_workers_carry_what_is_published_and_publish_what_was_changed(
    account: Account, destination: Destination, datadog: FakeDatadog, redis: "Redis"
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
    account: Account, destination: Destination, datadog: FakeDatadog, redis: "Redis", settings: Settings
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
    account: Account, destination: Destination, datadog: FakeDatadog, redis: "Redis"
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
    account: Account, destination: Destination, redis: "Redis"
) -> None:
    publish([make_event()], account=account)
    work("route", burst=True)
    redis.flushall()
    Destination.objects.update(consecutive_failures=1, retry_at=timezone.now())

    sweep()

    assert (jobs(redis, "drain"), jobs(redis, "drain-slow")) == (0, 1)


def test_a_test_run_is_done_by_the_interactive_worker(
    account: Account, destination: Destination, datadog: FakeDatadog, redis: "Redis"
) -> None:
    run = start_test_run(
        account=account,
        target="datadog",
        config=destination.config,
        secrets=destination.secrets,
        destination=destination,
    )

    work("interactive", burst=True)

    run.refresh_from_db()
    assert run.is_over
    assert run.secrets == run.config == {}
    assert TestRun.objects.count() == 1


def test_no_job_carries_a_secret(account: Account, destination: Destination, redis: "Redis") -> None:
    start_test_run(account=account, target="datadog", config={}, secrets={"api_key": "canary-1234567890"})
    publish([make_event(object={"conn": {"server_name": "canary.acme.app"}})], account=account)

    for key in redis.scan_iter("rq:job:*"):
        assert b"canary" not in b"".join(map(redis.connection_pool.get_encoder().encode, redis.hgetall(key).values()))


def test_a_job_that_found_work_looks_once_more_and_takes_what_came_meanwhile(
    account: Account, destination: Destination, datadog: FakeDatadog, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = list(publish([make_event()], account=account).event_ids)
    # A worker has taken the job, and nobody else waits.
    redis.flushall()
    later = [make_event(), make_event()]

    def publish_meanwhile(_: float) -> None:
        if later:
            ids.extend(publish([later.pop()], account=account).event_ids)

    monkeypatch.setattr("delivery.turn.time.sleep", publish_meanwhile)

    jobs_module.route_job(account.pk)
    assert Delivery.objects.count() == 3
    assert jobs(redis, "route") == 0
    jobs_module.drain_job(destination.pk)

    assert datadog.event_ids == ids


def test_a_job_does_not_look_again_while_others_wait(
    account: Account, destination: Destination, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    publish([make_event()], account=account)
    monkeypatch.setattr(wake, "waiting_jobs", lambda _: 2)
    monkeypatch.setattr("delivery.turn.time.sleep", lambda _: pytest.fail("It waited."))

    jobs_module.route_job(account.pk)

    assert Delivery.objects.count() == 1


def test_work_that_comes_after_the_last_look_wakes_a_job(
    account: Account, destination: Destination, datadog: FakeDatadog, redis: "Redis"
) -> None:
    publish([make_event()], account=account)
    redis.flushall()

    jobs_module.route_job(account.pk)
    assert jobs(redis, "drain") == 1
    publish([make_event()], account=account)

    assert jobs(redis, "route") == 1
    work_everything()
    assert len(datadog.arrived) == 2


def test_a_job_whose_time_is_over_wakes_the_next(
    account: Account, destination: Destination, datadog: FakeDatadog, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    publish([make_event()], account=account)
    redis.flushall()
    monkeypatch.setattr(jobs_module, "ROUTE_SECONDS", -1.0)

    jobs_module.route_job(account.pk)

    assert not Delivery.objects.exists()
    assert jobs(redis, "route") == 1


def test_a_long_turn_ends_where_others_wait_but_never_without_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.turn.SHARE_SECONDS", -1.0)
    waiting: list[str | None] = [None]
    monkeypatch.setattr(wake, "first_job", lambda _: waiting[0])
    woken: list[str] = []

    turn = JobTurn("drain", "job", "ed_1", 20.0, lambda: woken.append("ed_1"))
    assert turn.may_look()
    assert turn.may_look(), "Nobody else waits."
    waiting[0] = "another"
    assert not turn.may_look()
    assert woken == ["ed_1"]
    assert JobTurn("drain", "job", "ed_1", 20.0, lambda: None).may_look()


@pytest.mark.parametrize("name", ["drain", "drain-slow"])
def test_a_turn_is_of_the_queue_that_its_job_came_from(
    redis: "Redis", monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    found: list[str] = []
    monkeypatch.setattr("delivery.jobs.drain", lambda _, turn: found.append(turn._queue))
    Queue(name, connection=redis, serializer=JSONSerializer).enqueue("delivery.jobs.drain_job", "ed_1", result_ttl=0)

    work(name, burst=True)

    assert found == [name]
