"""Destinations that are drained together: under one lease, and none at the others' cost."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from accounts.models import Account
from common import wake
from common.crypto import EncryptedJSONField
from delivery import claim as claim_module
from delivery import drain as drain_module
from delivery import settling, stopping
from delivery.claim import Claim, claim
from delivery.drain import drain, drain_ready
from delivery.ledger import Scope, faults
from delivery.load import Load
from delivery.models import Attempt, Delivery
from delivery.route import route_account
from delivery.settle import Sent
from delivery.turn import Turn
from destinations.models import Destination
from destinations.outcome import SendResult
from destinations.records import Records
from destinations.targets.datadog import Datadog
from events.publishing import publish
from tests.carrying import FakeDatadog, answer
from tests.factories import make_destination, make_event, make_subscription

# Waking comes after a commit.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def queue(redis: "Redis", queue_server: str, settings: Settings) -> Iterator["Redis"]:
    settings.REDIS_URL = queue_server
    wake.connection.cache_clear()
    wake._silent_until = 0.0
    yield redis
    wake.connection.cache_clear()
    stopping.forget()


def make_destinations(account: Account, number: int) -> list[Destination]:
    made = [make_destination(account, description=f"Datadog {index}") for index in range(number)]
    for destination in made:
        make_subscription(account, destination)
    return made


def publish_and_route(account: Account, events: int = 1) -> list[str]:
    ids = list(publish([make_event() for _ in range(events)], account=account).event_ids)
    route_account(account.pk)
    return ids


def delivered(destination: Destination) -> int:
    return sum(Delivery.objects.filter(destination=destination).values_list("delivered_count", flat=True))


def in_line(redis: "Redis", queue: str = "drain") -> list[str]:
    line: Any = redis.zrange(f"ready:{queue}", 0, -1)
    return [pk.decode() for pk in line]


def keys(destinations: list[Destination]) -> list[str]:
    return [destination.pk for destination in destinations]


def test_one_lease_serves_many_destinations_and_each_call_is_told_of(account: Account, datadog: FakeDatadog) -> None:
    made = make_destinations(account, 3)
    publish_and_route(account, 2)

    group = drain(*keys(made))

    assert [delivered(destination) for destination in made] == [2, 2, 2]
    assert (group.begun, group.is_more, group.put_off) == (3, False, [])
    assert sorted(Attempt.objects.values_list("destination", "records")) == sorted((pk, 2) for pk in keys(made))
    assert all(each.parts.get().delivery.destination_id == each.destination_id for each in Attempt.objects.all())
    assert all(destination.last_success_at for destination in Destination.objects.all())
    assert list(faults(Scope())) == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="On SQLite each destination is asked for by itself.")
def test_a_destination_more_costs_no_query_more(account: Account, datadog: FakeDatadog) -> None:
    made = make_destinations(account, 9)
    counts = []
    for number in (2, 9):
        publish_and_route(account)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            drain(*keys(made[:number]))
        counts.append(len(queries))
        drain(*keys(made))

    assert counts[0] == counts[1]


def test_one_that_fails_leaves_the_others_alone(account: Account, datadog: FakeDatadog) -> None:
    made = make_destinations(account, 4)
    publish_and_route(account)
    datadog.answers = [answer(202), answer(500), answer(403)]

    drain(*keys(made))

    assert [delivered(destination) for destination in made] == [1, 0, 0, 1]
    states = [Destination.objects.get(pk=pk) for pk in keys(made)]
    assert [(each.state, each.is_failing) for each in states] == [
        ("active", False),
        ("active", True),
        ("blocked", True),
        ("active", False),
    ]
    assert set(Delivery.objects.waiting().values_list("lease_token", flat=True)) == {""}
    assert list(faults(Scope())) == []


def test_one_that_breaks_our_code_leaves_the_others_alone(
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_destinations(account, 3)
    publish_and_route(account)
    pack, calls = Datadog.pack, iter([False, True, False])

    def break_once(self: Datadog, records: Records) -> Any:
        if next(calls):
            raise ZeroDivisionError
        return pack(self, records)

    monkeypatch.setattr(Datadog, "pack", break_once)

    drain(*keys(made))

    assert [delivered(destination) for destination in made] == [1, 0, 1]
    assert set(Delivery.objects.waiting().values_list("lease_token", flat=True)) == {""}


def test_one_that_cannot_be_read_harms_no_other(
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch, queue: "Redis"
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
    assert in_line(queue) == []


def test_one_that_was_taken_over_leaves_the_others_settled(
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_destinations(account, 3)
    publish_and_route(account)

    note = settling.Settling.note

    def take_over(self: settling.Settling, claimed: Claim, load: Load, sent: Sent) -> None:
        Delivery.objects.filter(destination=made[1]).update(lease_token="another")
        note(self, claimed, load, sent)

    monkeypatch.setattr(settling.Settling, "note", take_over)

    drain(*keys(made))

    assert [delivered(destination) for destination in made] == [1, 0, 1]
    assert Delivery.objects.waiting().get().lease_token == "another"
    assert list(faults(Scope())) == []


def test_those_behind_one_that_hangs_are_given_back_while_it_hangs(
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch, queue: "Redis"
) -> None:
    made = make_destinations(account, 4)
    publish_and_route(account)
    queue.flushall()
    monkeypatch.setattr(drain_module, "GROUP_SECONDS", 0.2)
    seen: list[Any] = []
    is_seen = threading.Event()
    settle, send, calls = settling.Settling.settle, Datadog.send, iter(range(4))

    def look(self: settling.Settling) -> None:
        settle(self)
        if in_line(queue) and not seen:
            leased = Delivery.objects.waiting().exclude(lease_token="").values_list("destination", flat=True)
            seen.extend([in_line(queue), list(leased), [delivered(destination) for destination in made]])
            is_seen.set()

    def hang(self: Datadog, records: Records) -> SendResult:
        if next(calls) == 1:
            assert is_seen.wait(30), "Nobody looked after the others."
        return send(self, records)

    monkeypatch.setattr(settling.Settling, "settle", look)
    monkeypatch.setattr(Datadog, "send", hang)

    group = drain(*keys(made))

    assert seen == [keys(made[2:]), keys(made[1:2]), [1, 0, 0, 0]], "In line, leased and delivered meanwhile."
    assert (group.begun, group.given_back) == (2, True)
    assert [delivered(destination) for destination in made] == [1, 1, 0, 0]
    drain_ready("drain", Turn())
    assert [delivered(destination) for destination in made] == [1, 1, 1, 1]


def test_a_group_that_is_slow_gives_back_what_it_has_not_begun(
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch, queue: "Redis"
) -> None:
    made = make_destinations(account, 3)
    publish_and_route(account)
    queue.flushall()
    monkeypatch.setattr(drain_module, "GROUP_SECONDS", -1.0)

    group = drain(*keys(made))

    assert (group.begun, group.given_back, in_line(queue)) == (1, True, keys(made[1:]))
    assert set(Delivery.objects.waiting().values_list("lease_token", flat=True)) == {""}


def test_a_worker_that_stops_gives_back_the_rest_of_its_group(
    account: Account, datadog: FakeDatadog, queue: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_destinations(account, 3)
    publish_and_route(account)
    queue.flushall()

    def stop_meanwhile(records: list[dict[str, Any]]) -> Any:
        stopping.request()
        return answer(202)(records)

    datadog.answers = [stop_meanwhile]
    drain(*keys(made))

    assert [delivered(destination) for destination in made] == [1, 0, 0]
    assert set(in_line(queue)) >= set(keys(made[1:]))
    assert set(Delivery.objects.waiting().values_list("lease_token", flat=True)) == {""}


def test_what_a_lease_has_no_room_for_is_taken_by_the_next(
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch, queue: "Redis"
) -> None:
    monkeypatch.setattr(claim_module, "LEASE_DELIVERIES", 3)
    made = make_destinations(account, 3)
    for _ in range(2):
        publish_and_route(account)
    queue.flushall()
    lease = claim(*keys(made))

    assert [(len(each.deliveries), each.is_more) for each in lease.claims] == [(2, False), (1, True)]
    assert lease.left == made[2:]
    Delivery.objects.update(lease_token="", lease_expires_at=None)

    wake.stand_ready("drain", *keys(made))
    drain_ready("drain", Turn())

    assert [delivered(destination) for destination in made] == [2, 2, 2]
    assert in_line(queue) == []


def test_a_large_backlog_takes_turns_with_the_others(
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch, queue: "Redis"
) -> None:
    monkeypatch.setattr(claim_module, "LEASE_DELIVERIES", 1)
    behind, other = make_destinations(account, 2)
    for _ in range(3):
        publish_and_route(account)
    Delivery.objects.filter(destination=other).order_by("-pk")[0].delete()
    queue.flushall()
    wake.stand_ready("drain", behind.pk)
    wake.stand_ready("drain", other.pk)

    drain_ready("drain", Turn())

    order = [each.destination_id for each in Attempt.objects.order_by("pk")]
    assert order == [behind.pk, other.pk, behind.pk, other.pk, behind.pk]


def test_one_that_another_worker_is_at_stays_in_line(
    account: Account, datadog: FakeDatadog, queue: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have got more after that worker's claim."""
    busy, free = make_destinations(account, 2)
    publish_and_route(account)
    claim(busy.pk)
    queue.flushall()
    wake.stand_ready("drain", busy.pk, free.pk)
    found: list[bool] = []

    class OneLook(Turn):
        def may_look(self) -> bool:
            return not found

        def found(self, *, is_more: bool, is_idle: bool = False) -> None:
            found.append(is_idle)

    drain_ready("drain", OneLook())
    assert (delivered(busy), delivered(free), in_line(queue)) == (0, 1, [busy.pk])
    assert found == [False]
    found.clear()
    drain_ready("drain", OneLook())
    assert found == [True], "There was nothing to do but to wait for the other worker."

    Delivery.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    found.clear()
    drain_ready("drain", OneLook())
    assert (delivered(busy), in_line(queue)) == (1, [])
