"""Going round the destinations that stand ready."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from redis import Redis

from accounts.models import Account
from common import wake
from common.crypto import EncryptedJSONField
from delivery import claim as claim_module
from delivery.claim import claim
from delivery.drain import drain_ready
from delivery.models import Attempt, Delivery
from delivery.turn import Turn
from destinations.models import Destination
from tests.carrying import FakeDatadog
from tests.grouping import delivered, in_line, keys, make_destinations, publish_and_route

# Waking comes after a commit.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("waking")]


def test_one_that_cannot_be_read_harms_no_other(
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch, redis: "Redis"
) -> None:
    """Its secrets were encrypted under a key that is gone."""
    made = make_destinations(account, 4)
    publish_and_route(account)
    Destination.objects.filter(pk=made[1].pk).update(secrets={"api_key": "unreadable"})
    decrypt = EncryptedJSONField.from_db_value

    def refuse(self: EncryptedJSONField, *row: Any) -> Any:
        value = decrypt(self, *row)
        if value == {"api_key": "unreadable"}:
            raise ValueError("No key fits.")
        return value

    monkeypatch.setattr(EncryptedJSONField, "from_db_value", refuse)

    drain_ready("drain", Turn())

    assert [delivered(destination) for destination in made] == [1, 0, 1, 1]
    assert in_line(redis) == []


def test_what_a_lease_has_no_room_for_is_taken_by_the_next(
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch, redis: "Redis"
) -> None:
    monkeypatch.setattr(claim_module, "LEASE_DELIVERIES", 3)
    made = make_destinations(account, 3)
    for _ in range(2):
        publish_and_route(account)
    redis.flushall()
    lease = claim(*keys(made))

    assert [(len(each.deliveries), each.is_more) for each in lease.claims] == [(2, False), (1, True)]
    assert lease.left == made[2:]
    Delivery.objects.update(lease_token="", lease_expires_at=None)

    wake.stand_ready("drain", *keys(made))
    drain_ready("drain", Turn())

    assert [delivered(destination) for destination in made] == [2, 2, 2]
    assert in_line(redis) == []


def test_a_large_backlog_takes_turns_with_the_others(
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch, redis: "Redis"
) -> None:
    monkeypatch.setattr(claim_module, "LEASE_DELIVERIES", 1)
    behind, other = make_destinations(account, 2)
    for _ in range(3):
        publish_and_route(account)
    Delivery.objects.filter(destination=other).order_by("-pk")[0].delete()
    redis.flushall()
    wake.stand_ready("drain", behind.pk)
    wake.stand_ready("drain", other.pk)

    drain_ready("drain", Turn())

    order = [each.destination_id for each in Attempt.objects.order_by("pk")]
    assert order == [behind.pk, other.pk, behind.pk, other.pk, behind.pk]


def test_one_that_another_worker_is_at_stays_in_line(
    account: Account, datadog: FakeDatadog, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have got more after that worker's claim."""
    busy, free = make_destinations(account, 2)
    publish_and_route(account)
    claim(busy.pk)
    redis.flushall()
    wake.stand_ready("drain", busy.pk, free.pk)
    found: list[bool] = []

    class OneLook(Turn):
        def may_look(self) -> bool:
            return not found

        def found(self, *, is_more: bool, is_idle: bool = False) -> None:
            found.append(is_idle)

    drain_ready("drain", OneLook())
    assert (delivered(busy), delivered(free), in_line(redis)) == (0, 1, [busy.pk])
    assert found == [False]
    found.clear()
    drain_ready("drain", OneLook())
    assert found == [True], "There was nothing to do but to wait for the other worker."

    Delivery.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    found.clear()
    drain_ready("drain", OneLook())
    assert (delivered(busy), in_line(redis)) == (1, [])
