"""Destinations that are drained together: under one lease, and none at the others' cost."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from redis import Redis

from accounts.models import Account
from delivery import drain as drain_module
from delivery import settling, stopping
from delivery.claim import Claim
from delivery.drain import drain, drain_ready
from delivery.ledger import Scope, faults
from delivery.load import Load
from delivery.models import Attempt, Delivery
from delivery.settlement import Sent
from delivery.turn import Turn
from destinations.models import Destination
from destinations.outcome import SendResult
from destinations.records import Records
from destinations.targets.datadog import Datadog
from tests.carrying import FakeDatadog, answer
from tests.grouping import delivered, in_line, keys, make_destinations, publish_and_route

# Waking comes after a commit.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("waking")]


@pytest.fixture(autouse=True)
def _going_on() -> Iterator[None]:
    yield
    stopping.forget()


def test_one_lease_serves_many_destinations_and_each_call_is_told_of(account: Account, datadog: FakeDatadog) -> None:
    made = make_destinations(account, 3)
    publish_and_route(account, 2)

    group = drain(*keys(made))

    assert [delivered(destination) for destination in made] == [2, 2, 2]
    assert (group.begun, group.is_more, group.is_waiting) == (3, False, False)
    assert sorted(Attempt.objects.values_list("destination", "records")) == sorted((pk, 2) for pk in keys(made))
    assert all(each.parts.get().delivery.destination_id == each.destination_id for each in Attempt.objects.all())
    assert all(destination.last_success_at for destination in Destination.objects.all())
    assert list(faults(Scope())) == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="On SQLite each destination is asked for by itself.")
def test_a_destination_more_costs_no_query_more(account: Account, datadog: FakeDatadog) -> None:
    made = make_destinations(account, 9)
    publish_and_route(account)
    # Opens them, which is asked for once.
    drain(*keys(made))
    counts = []
    for number in (2, 9):
        publish_and_route(account)
        Destination.objects.update(last_success_at=None)
        with CaptureQueriesContext(connection) as queries:
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
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch, redis: "Redis"
) -> None:
    made = make_destinations(account, 4)
    publish_and_route(account)
    redis.flushall()
    monkeypatch.setattr(drain_module, "GROUP_SECONDS", 0.2)
    seen: list[Any] = []
    is_seen = threading.Event()
    settle, send, calls = settling.Settling.settle, Datadog.send, iter(range(4))

    def look(self: settling.Settling) -> None:
        settle(self)
        if in_line(redis) and not seen:
            leased = Delivery.objects.waiting().exclude(lease_token="").values_list("destination", flat=True)
            seen.extend([in_line(redis), list(leased), [delivered(destination) for destination in made]])
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
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch, redis: "Redis"
) -> None:
    made = make_destinations(account, 3)
    publish_and_route(account)
    redis.flushall()
    monkeypatch.setattr(drain_module, "GROUP_SECONDS", -1.0)

    group = drain(*keys(made))

    assert (group.begun, group.given_back, in_line(redis)) == (1, True, keys(made[1:]))
    assert set(Delivery.objects.waiting().values_list("lease_token", flat=True)) == {""}


def test_a_worker_that_stops_gives_back_the_rest_of_its_group(
    account: Account, datadog: FakeDatadog, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_destinations(account, 3)
    publish_and_route(account)
    redis.flushall()

    def stop_meanwhile(records: list[dict[str, Any]]) -> Any:
        stopping.request()
        return answer(202)(records)

    datadog.answers = [stop_meanwhile]
    drain(*keys(made))

    assert [delivered(destination) for destination in made] == [1, 0, 0]
    assert set(in_line(redis)) >= set(keys(made[1:]))
    assert set(Delivery.objects.waiting().values_list("lease_token", flat=True)) == {""}
