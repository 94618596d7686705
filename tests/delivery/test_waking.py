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
from delivery.turn import LEAST_REST_SECONDS, MOST_REST_SECONDS, JobTurn, SharedTurn
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
    jobs_module.drain_job("drain")

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
    account: Account, destination: Destination, datadog: FakeDatadog, redis: "Redis", queue_name: str, failures: int
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


def test_nobody_is_woken_for_what_a_resting_job_will_find(redis: "Redis", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.turn.time.sleep", lambda _: wake.drain("ed_1"))
    turn = JobTurn(wake.DRAIN, "drain", 20.0, lambda: None)
    assert turn.may_look()
    turn.found(is_more=False)

    assert turn.may_look()

    assert jobs(redis, "drain") == 0
    assert wake.next_ready("drain", 1) == (["ed_1"], 0)
    wake.drain("ed_2")
    assert jobs(redis, "drain") == 1, "What comes after its look may be too late for it."


@pytest.mark.parametrize(
    ("busy", "found", "rest"),
    [
        (0.001, {"is_more": False}, LEAST_REST_SECONDS),
        (0.2, {"is_more": False}, 0.2),
        (3.0, {"is_more": False}, MOST_REST_SECONDS),
        (0.001, {"is_more": False, "is_idle": True}, MOST_REST_SECONDS),
        (3.0, {"is_more": True}, None),
    ],
)
def test_a_job_rests_as_long_as_it_was_busy(
    monkeypatch: pytest.MonkeyPatch, busy: float, found: dict[str, bool], rest: float | None
) -> None:
    rests: list[float] = []
    clock = iter([100.0, 100.0 + busy, 200.0, 200.0])
    monkeypatch.setattr("delivery.turn.time.process_time", lambda: next(clock))
    monkeypatch.setattr("delivery.turn.time.sleep", rests.append)
    turn = JobTurn("job", "key", 20.0, lambda: None)
    assert turn.may_look()
    turn.found(**found)

    assert turn.may_look()

    assert rests == ([] if rest is None else [pytest.approx(rest)])


def test_a_long_turn_ends_where_others_wait_but_never_without_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.turn.SHARE_SECONDS", -1.0)
    waiting: list[str | None] = [None]
    monkeypatch.setattr(wake, "first_job", lambda _: waiting[0])
    woken: list[str] = []

    turn = SharedTurn("route", "job", "ac_1", 20.0, lambda: woken.append("ac_1"))
    assert turn.may_look()
    assert turn.may_look(), "Nobody else waits."
    waiting[0] = "another"
    assert not turn.may_look()
    assert woken == ["ac_1"]
    assert SharedTurn("route", "job", "ac_1", 20.0, lambda: None).may_look()
