"""How long a job goes on, when it looks again, and who is woken meanwhile."""

import pytest
from redis import Redis

from accounts.models import Account
from common import wake
from delivery import jobs as jobs_module
from delivery.models import Delivery
from delivery.turn import LEAST_REST_SECONDS, MOST_REST_SECONDS, JobTurn, SharedTurn
from destinations.models import Destination
from events.publishing import publish
from tests.carrying import FakeDatadog
from tests.factories import make_event
from tests.waking import jobs, work_everything

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("waking")]


def test_a_job_that_found_work_looks_once_more_and_takes_what_came_meanwhile(
    account: Account, listening: Destination, datadog: FakeDatadog, redis: "Redis", monkeypatch: pytest.MonkeyPatch
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
    account: Account, listening: Destination, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    publish([make_event()], account=account)
    monkeypatch.setattr(wake, "waiting_jobs", lambda _: 2)
    monkeypatch.setattr("delivery.turn.time.sleep", lambda _: pytest.fail("It waited."))

    jobs_module.route_job(account.pk)

    assert Delivery.objects.count() == 1


def test_work_that_comes_after_the_last_look_wakes_a_job(
    account: Account, listening: Destination, datadog: FakeDatadog, redis: "Redis"
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
    account: Account, listening: Destination, datadog: FakeDatadog, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    publish([make_event()], account=account)
    redis.flushall()
    monkeypatch.setattr(jobs_module, "ROUTE_SECONDS", -1.0)

    jobs_module.route_job(account.pk)

    assert not Delivery.objects.exists()
    assert jobs(redis, "route") == 1


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
