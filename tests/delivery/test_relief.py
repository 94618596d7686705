"""Extra workers: started where the queue's own only wait, and never where they are busy."""

import os
import time
from collections.abc import Callable

import pytest
from pytest_django.fixtures import Settings
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from common import wake
from delivery.relief import PATIENCE_SECONDS, STANDING_SECONDS, Watch, cpu_seconds

WORKERS = [1, 2]
Standing = Callable[[str, float], None]


@pytest.fixture(autouse=True)
def queue(redis: "Redis", waking: None) -> Queue:
    return Queue("drain", connection=redis, serializer=JSONSerializer)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """CPU seconds by process, to be changed by the test."""
    seconds = dict.fromkeys(WORKERS, 100.0)
    monkeypatch.setattr("delivery.relief.cpu_seconds", seconds.__getitem__)
    return seconds


@pytest.fixture
def standing(redis: "Redis") -> Standing:
    def stand(pk: str, seconds: float) -> None:
        redis.zadd("ready:drain", {pk: time.time() - seconds})

    return stand


def test_help_comes_when_a_destination_stands_and_nobody_works(used: dict[int, float], standing: Standing) -> None:
    standing("ed_1", STANDING_SECONDS)
    watch = Watch("drain")

    looks = [watch.needs_help(WORKERS, now) for now in (0.0, 0.5, PATIENCE_SECONDS, 1.5, 2.0)]

    assert looks == [False, False, True, False, True]


def test_nobody_helps_those_who_are_busy(used: dict[int, float], standing: Standing) -> None:
    standing("ed_1", STANDING_SECONDS)
    watch = Watch("drain")

    assert not watch.needs_help(WORKERS, 0.0)
    used[2] += 0.9
    assert not watch.needs_help(WORKERS, 1.0)
    assert watch.needs_help(WORKERS, 2.0), "They have stopped."


def test_a_line_that_moves_too_slowly_needs_help(used: dict[int, float], standing: Standing) -> None:
    """One worker hangs, and the other is not quick enough alone: the first is always another one."""
    watch = Watch("drain")
    for number in range(5):
        standing(f"ed_{number}", STANDING_SECONDS)
        is_helped = watch.needs_help(WORKERS, number / 4)
        wake.next_ready("drain", 1)

    assert is_helped


def test_a_line_that_moves_needs_no_help(used: dict[int, float], standing: Standing) -> None:
    watch = Watch("drain")
    for number in range(5):
        # The same one again and again, as while another worker is at it.
        standing("ed_1", STANDING_SECONDS / 2)
        assert not watch.needs_help(WORKERS, 10.0 * number)
        wake.next_ready("drain", 1)


def test_a_job_that_waits_while_another_takes_all_that_comes_needs_no_help(
    queue: Queue, used: dict[int, float]
) -> None:
    """Its turn goes on for 20 s where a little comes all the time."""
    queue.enqueue("delivery.jobs.drain_job", "drain")
    watch = Watch("drain")

    assert not any(watch.needs_help(WORKERS, float(now)) for now in range(20))


def test_without_redis_nobody_helps(used: dict[int, float], settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    wake.connection.cache_clear()
    watch = Watch("drain")

    assert [watch.needs_help(WORKERS, float(now)) for now in range(3)] == [False] * 3


def test_what_a_process_uses_is_seen() -> None:
    before = cpu_seconds(os.getpid())
    ends_at = time.process_time() + 0.1
    while time.process_time() < ends_at:
        pass

    assert cpu_seconds(os.getpid()) > before > 0
    assert cpu_seconds(2**30) == 0.0


@pytest.mark.django_db(transaction=True)
def test_flags_that_a_killed_worker_left_are_taken_down(redis: "Redis", queue: Queue) -> None:
    wake.drain("ed_1")
    wake.notices()
    queue.pop_job_id()
    wake.drain("ed_1")
    assert len(queue) == 0, "The flag is up."

    wake.clear_all()
    wake.drain("ed_1")
    wake.notices()

    assert len(queue) == 1
    assert len(Queue("mail", connection=redis, serializer=JSONSerializer)) == 1, "Its pace stays."
