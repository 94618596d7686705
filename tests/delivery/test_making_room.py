"""How long one claim may take, and how soon what failed is tried again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from accounts.models import Account
from delivery import stopping
from delivery.drain import drain, drain_ready
from delivery.ledger import Scope, faults
from delivery.models import Delivery
from delivery.turn import Turn
from destinations.models import Destination
from tests.carrying import FakeDatadog, answer
from tests.factories import make_destination, make_subscription
from tests.grouping import in_line, publish_and_route

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("waking")]


@pytest.fixture
def destination(account: Account, monkeypatch: pytest.MonkeyPatch) -> Destination:
    """It takes two records at a time."""
    destination = make_destination(account)
    make_subscription(account, destination)
    target = destination.target_class
    monkeypatch.setattr(target, "limits", target.limits._replace(max_records=2))
    return destination


def test_a_slow_destination_makes_room_after_a_request_and_gets_more_workers(
    account: Account, destination: Destination, datadog: FakeDatadog, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.carry.CLAIM_SECONDS", -1.0)
    ids = publish_and_route(account, 5)
    redis.flushall()

    group = drain(destination.pk)

    assert datadog.event_ids == ids[:2]
    assert (group.is_more, in_line(redis)) == (True, [destination.pk])
    assert Delivery.objects.get().lease_token == ""
    destination.refresh_from_db()
    assert (destination.slots, destination.is_failing) == (2, False)
    while drain(destination.pk).is_more:
        pass
    assert datadog.event_ids == ids
    assert list(faults(Scope())) == []


def test_halving_makes_room_once_it_came_to_something(
    account: Account, destination: Destination, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.carry.CLAIM_SECONDS", -1.0)
    ids = publish_and_route(account, 2)
    datadog.answers = [answer(400), answer(400)]

    assert drain(destination.pk).is_more

    assert [len(request) for request in datadog.requests] == [2, 1], "The second half is left to the next claim."
    assert Delivery.objects.get().dead_count == 1
    assert not drain(destination.pk).is_more
    assert datadog.event_ids == ids[1:]
    assert list(faults(Scope())) == []


def test_a_worker_that_is_told_to_stop_halves_no_further(
    account: Account, destination: Destination, datadog: FakeDatadog
) -> None:
    publish_and_route(account, 2)

    def stop_meanwhile(records: list[dict[str, Any]]) -> Any:
        stopping.request()
        return answer(400)(records)

    datadog.answers = [stop_meanwhile]
    try:
        drain(destination.pk)
    finally:
        stopping.forget()

    assert [len(request) for request in datadog.requests] == [2]
    assert Delivery.objects.get().lease_token == ""


def test_what_may_be_tried_again_soon_waits_for_no_sweep(
    account: Account, destination: Destination, datadog: FakeDatadog, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.carry.next_try", after(seconds=0.2))
    ids = publish_and_route(account, 2)
    datadog.answers = [answer(429), answer(429)]

    drain_ready("drain", Turn())
    assert (in_line(redis), in_line(redis, "drain-slow")) == ([], [destination.pk])
    drain_ready("drain-slow", Turn())

    assert len(datadog.requests) == 3
    assert datadog.event_ids == ids


def test_nobody_waits_for_what_is_to_be_tried_again_later(
    account: Account, destination: Destination, datadog: FakeDatadog, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.carry.next_try", after(seconds=60))
    publish_and_route(account, 2)
    datadog.answers = [answer(429)]

    drain_ready("drain", Turn())

    assert (in_line(redis), in_line(redis, "drain-slow")) == ([], [])


def after(seconds: float) -> Any:
    def next_try(error: Exception, failures: int, now: datetime) -> datetime:
        return now + timedelta(seconds=seconds)

    return next_try
