"""Waking the workers: the only place that names jobs and enqueues them.

The database holds the work; Redis carries hints. A wake-up that is lost (Redis flushed, stopped or
slow) costs a few seconds until the sweep finds the work, so every failure here is logged and swallowed:
raising it after a commit would make the caller repeat what is already stored.
"""

import time
from functools import lru_cache, partial
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from redis import Redis, RedisError
from rq import Queue
from rq.serializers import JSONSerializer

log = structlog.get_logger(__name__)

# A flag outlives a crash between setting it and enqueueing by this much; the sweep is as patient.
FLAG_SECONDS = 5
DRAIN = "delivery.jobs.drain_job"
# Its flag is never taken down: it is the pace.
NOTICES = "dashboard.jobs.notices_job"
NOTICE_SECONDS = 60
FAILURE_SECONDS = 24 * 3600
MANY = 1_000_000
# While Redis does not answer, only one request in this time waits for it; the sweep does the waking.
SILENT_SECONDS = 2.0

_silent_until = 0.0


def route(account_id: str) -> None:
    """After the commit: batches of this account wait to be routed."""
    _after_commit("route", "delivery.jobs.route_job", account_id)


def mend(account_id: str) -> None:
    """After the commit: events of this account that were undecided may be decidable."""
    _after_commit("route", "delivery.jobs.mend_job", account_id)


def drain(*destination_ids: str, slow: bool = False) -> None:
    """After the commit: deliveries to these destinations are due."""
    if destination_ids:
        queue = "drain-slow" if slow else "drain"
        transaction.on_commit(partial(stand_ready, queue, *destination_ids), robust=True)


def replay(replay_id: int) -> None:
    """After the commit: a step of this replay is due."""
    _after_commit("route", "delivery.jobs.replay_job", str(replay_id))


def audit() -> None:
    """After the commit: audit entries wait to be published."""
    _after_commit("route", "events.jobs.publish_audit_job", "all")


def test_run(run_id: int) -> None:
    """After the commit: somebody waits for this test event."""
    _after_commit("interactive", "destinations.jobs.test_run_job", str(run_id))


def backtest(backtest_id: str) -> None:
    """After the commit: somebody waits for these figures."""
    _after_commit("interactive", "subscriptions.jobs.backtest_job", backtest_id)


def mail() -> None:
    """After the commit: mail waits to be sent."""
    _after_commit("mail", "accounts.jobs.send_mail_job", "all")


def notices() -> None:
    """Look for what people are to be told of; at most once a minute, however many hosts ask."""
    _after_commit("mail", NOTICES, "all", NOTICE_SECONDS)


def stand_ready(queue: str, *destination_ids: str) -> None:
    """Line destinations up behind those that stand ready, each once, and see that a worker of this queue comes.

    One job drains many destinations: rq takes longer for a job than draining does where little is due.
    """
    if time.monotonic() < _silent_until:
        return
    try:
        pipeline = connection().pipeline(transaction=False)
        if destination_ids:
            # A microsecond apart, or they would be lined up by their IDs.
            now = time.time()
            pipeline.zadd(_ready(queue), {pk: now + place / 1e6 for place, pk in enumerate(destination_ids)}, nx=True)
        pipeline.llen(_queue(queue).key)
        pipeline.set(_flag(DRAIN, queue), 1, nx=True, ex=FLAG_SECONDS)
        *_, standing, is_first = pipeline.execute()
        if is_first and not standing:
            _enqueue(queue, DRAIN, queue)
    except RedisError as error:
        _fall_silent("wake_up_lost", error, job=DRAIN, key=queue)


def next_ready(queue: str, most: int) -> tuple[list[str], int]:
    """The destinations that have stood ready for longest, taken out of the line, and how many stand behind them."""
    try:
        pipeline = connection().pipeline(transaction=False)
        pipeline.zpopmin(_ready(queue), most)
        pipeline.zcard(_ready(queue))
        taken, behind = pipeline.execute()
    except RedisError as error:
        log.warning("line_not_seen", queue=queue, error=str(error))
        return [], 0
    return [pk.decode() for pk, _ in taken], behind


def longest_standing(queue: str) -> float:
    """For how many seconds the first of the line has stood ready; 0 when none does, or Redis does not answer."""
    if time.monotonic() < _silent_until:
        return 0.0
    try:
        first: Any = connection().zrange(_ready(queue), 0, 0, withscores=True)
    except RedisError as error:
        _fall_silent("line_not_seen", error, queue=queue)
        return 0.0
    return time.time() - float(first[0][1]) if first else 0.0


def waiting_jobs(queue: str) -> int:
    """How many jobs stand in a queue; many, for all we know, while Redis does not answer."""
    try:
        return _queue(queue).count
    except RedisError:
        return MANY


def first_job(queue: str) -> str | None:
    """The ID of the job that is next in a queue; None when it is empty, or Redis does not answer."""
    if time.monotonic() < _silent_until:
        return None
    try:
        return next(iter(_queue(queue).get_job_ids(0, 1)), None)
    except RedisError as error:
        _fall_silent("queue_not_seen", error, queue=queue)
        return None


def clear(job: str, key: str) -> None:
    """Take the flag down; a job does so before it reads, so that work which arrives meanwhile wakes again."""
    try:
        connection().delete(_flag(job, key))
    except RedisError as error:
        log.warning("wake_flag_not_cleared", job=job, key=key, error=str(error))


def clear_all() -> None:
    """Take all flags down, of which a killed worker may have left some up: nobody would be woken until they expire.

    Whoever is woken twice finds nothing to do. The pace of notices stays.
    """
    try:
        redis = connection()
        flags = [flag for flag in redis.scan_iter(_flag("*", "*")) if not flag.startswith(_flag(NOTICES, "").encode())]
        if flags:
            redis.delete(*flags)
    except RedisError as error:
        log.warning("wake_flags_not_cleared", error=str(error))


def hold(job: str, key: str) -> None:
    """Put the flag up without a job: one that runs is going to look again, so that nobody needs to be woken."""
    try:
        connection().set(_flag(job, key), 1, ex=FLAG_SECONDS)
    except RedisError as error:
        log.warning("wake_flag_not_held", job=job, key=key, error=str(error))


@lru_cache(maxsize=1)
def connection() -> Redis:
    """One client for the process, impatient: a request that has committed must not wait for a dead Redis."""
    return Redis.from_url(settings.REDIS_URL, **settings.REDIS_OPTIONS)


def _flag(job: str, key: str) -> str:
    return f"wake:{job}:{key}"


def _after_commit(queue: str, job: str, key: str, flag_seconds: int = FLAG_SECONDS) -> None:
    transaction.on_commit(partial(_wake, queue, job, key, flag_seconds), robust=True)


def _queue(name: str) -> Queue:
    return Queue(name, connection=connection(), serializer=JSONSerializer)


def _ready(queue: str) -> str:
    return f"ready:{queue}"


def _wake(queue: str, job: str, key: str, flag_seconds: int) -> None:
    if time.monotonic() < _silent_until:
        return
    try:
        if connection().set(_flag(job, key), 1, nx=True, ex=flag_seconds):
            _enqueue(queue, job, key)
    except RedisError as error:
        _fall_silent("wake_up_lost", error, job=job, key=key)


def _enqueue(queue: str, job: str, key: str) -> None:
    _queue(queue).enqueue(
        job,
        key,
        result_ttl=0,
        failure_ttl=FAILURE_SECONDS,
        job_timeout=settings.RQ_QUEUES[queue]["DEFAULT_TIMEOUT"],
    )


def _fall_silent(event: str, error: RedisError, **what: str) -> None:
    global _silent_until  # noqa: PLW0603
    _silent_until = time.monotonic() + SILENT_SECONDS
    log.warning(event, error=str(error), **what)
