"""Workers that die, stop, come late or find no database: nothing is lost, nothing is counted twice."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.models import Account
from delivery import settling, stopping
from delivery.claim import claim, release
from delivery.drain import drain
from delivery.ledger import Scope, faults
from delivery.load import Load
from delivery.models import Attempt, Delivery, Tally
from delivery.pace import MAX_SLOTS
from delivery.route import route_account
from delivery.settlement import Call, Sent, Settlement
from delivery.settling import LeaseLostError, write
from destinations.models import Destination
from destinations.outcome import SendResult
from destinations.records import Records
from destinations.targets import Target
from events.publishing import publish
from tests.carrying import Carry, FakeDatadog, answer
from tests.factories import make_event

pytestmark = pytest.mark.usefixtures("subscription")


@pytest.fixture(autouse=True)
def _going_on() -> Iterator[None]:
    yield
    stopping.forget()


def publish_runs(account: Account, runs: int, each: int = 1) -> list[str]:
    ids: list[str] = []
    for _ in range(runs):
        ids += publish([make_event() for _ in range(each)], account=account).event_ids
        route_account(account.pk)
    return ids


@pytest.mark.django_db
def test_a_worker_whose_deliveries_were_taken_over_settles_nothing(account: Account, destination: Destination) -> None:
    publish_runs(account, 2)
    lease = claim(destination.pk)
    (late,) = lease.claims
    Delivery.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert claim(destination.pk).claims

    with pytest.raises(LeaseLostError):
        write(Settlement(late, Load.of(late.deliveries), [Sent(range(2), call=None)]))
    release(lease, lease.claims)

    assert {delivery.state for delivery in Delivery.objects.all()} == {"waiting"}
    assert not Delivery.objects.filter(lease_token="").exists(), "The other worker's lease holds."
    assert list(faults(Scope())) == []


@pytest.mark.django_db
def test_a_call_that_outlasted_its_lease_still_tells_that_the_destination_fails(
    account: Account, destination: Destination, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each worker in turn would wait for it, taking over what the one before has let go."""

    def lose_lease(*_: Settlement) -> None:
        raise LeaseLostError

    publish_runs(account, 1)
    datadog.answers = [answer(500)]
    monkeypatch.setattr(settling, "SETTLE_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(settling, "write", lose_lease)

    drain(destination.pk)

    destination.refresh_from_db()
    assert destination.is_failing
    assert Delivery.objects.get().state == "waiting"


@pytest.mark.django_db
@pytest.mark.parametrize("carried", [range(4), range(2)], ids=["whole", "part"])
def test_a_settlement_written_twice_counts_once(account: Account, destination: Destination, carried: range) -> None:
    """The connection broke after the commit and before its answer: the repeat changes nothing."""
    publish_runs(account, 1, each=4)
    (claimed,) = claim(destination.pk).claims
    call = Call(timezone.now(), 1, 10, SendResult("202"), None)
    settlement = Settlement(claimed, Load.of(claimed.deliveries), [Sent(carried, call)])
    write(settlement)

    with pytest.raises(LeaseLostError):
        write(settlement)

    assert sum(Tally.objects.values_list("delivered", flat=True)) == len(carried)
    assert Attempt.objects.count() == 1
    assert list(faults(Scope())) == []


@pytest.mark.django_db(transaction=True)
def test_settling_waits_for_a_database_that_comes_back(
    account: Account, destination: Destination, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = publish_runs(account, 1, each=3)
    broken = [True, True]

    def write_when_back(*settlements: Settlement) -> None:
        if broken:
            broken.pop()
            raise OperationalError("server closed the connection unexpectedly")
        write(*settlements)

    monkeypatch.setattr(settling, "write", write_when_back)
    monkeypatch.setattr(settling, "DATABASE_PAUSE_SECONDS", 0.01)

    drain(destination.pk)

    assert datadog.event_ids == ids, "Sent once."
    assert Delivery.objects.get().state == "delivered"


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_told_to_stop_settles_the_request_under_way_and_releases_the_rest(
    account: Account, destination: Destination, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = destination.target_class
    monkeypatch.setattr(target, "limits", target.limits._replace(max_records=2))
    ids = publish_runs(account, 3, each=2)

    def stop_meanwhile(records: list[dict[str, Any]]) -> Any:
        stopping.request()
        return answer(202)(records)

    datadog.answers = [stop_meanwhile]
    drain(destination.pk)

    assert datadog.event_ids == ids[:2]
    waiting = Delivery.objects.waiting()
    assert waiting.count() == 2
    assert set(waiting.values_list("lease_token", "lease_expires_at")) == {("", None)}
    stopping.forget()
    drain(destination.pk)
    assert datadog.event_ids == ids


@pytest.mark.django_db
def test_pausing_ends_a_claim_after_the_request_under_way(
    account: Account, destination: Destination, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = destination.target_class
    monkeypatch.setattr(target, "limits", target.limits._replace(max_records=1))
    monkeypatch.setattr("delivery.claim.LOOK_AT_CLOCK_SECONDS", 0.0)
    ids = publish_runs(account, 1, each=4)

    send = target.send

    def pause_meanwhile(self: Target, records: Records) -> SendResult:
        Destination.objects.update(state=Destination.State.PAUSED)
        return send(self, records)

    monkeypatch.setattr(target, "send", pause_meanwhile)
    drain(destination.pk)

    # It is seen before the second request, which was on its way.
    assert datadog.event_ids == ids[:2]
    assert Delivery.objects.get().waiting_count == 2
    drain(destination.pk)
    assert datadog.event_ids == ids[:2]


@pytest.mark.django_db
def test_a_destination_that_falls_behind_gets_more_slots_and_loses_them_when_it_throttles(
    account: Account, destination: Destination, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.claim.LEASE_DELIVERIES", 1)
    publish_runs(account, 4)
    Delivery.objects.update(routed_at=timezone.now() - timedelta(minutes=1))

    def slots() -> int:
        destination.refresh_from_db()
        return destination.slots

    assert slots() == 1
    first = claim(destination.pk)
    assert first.claims[0].is_behind
    second = claim(destination.pk)
    assert (second.claims, second.busy) == ([], [destination]), "One slot, in order."
    release(first, first.claims)
    datadog.answers = [answer(202), answer(202), answer(429)]
    for _ in range(3):
        drain(destination.pk)
    assert slots() == 1, "1, 2, 3 and then half."
    Destination.objects.update(slots=MAX_SLOTS, retry_at=None)
    assert claim(destination.pk).claims
    assert claim(destination.pk).claims, "Two workers at once."


@pytest.mark.django_db
def test_slots_are_given_back_one_by_one_when_nothing_is_left_over(
    account: Account, destination: Destination, datadog: FakeDatadog
) -> None:
    Destination.objects.update(slots=3)
    publish_runs(account, 1)

    drain(destination.pk)

    destination.refresh_from_db()
    assert destination.slots == 2


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite shares this host's clock.")
@pytest.mark.parametrize("ahead", [timedelta(hours=3), timedelta(hours=-3)])
def test_a_worker_whose_clock_is_wrong_neither_delays_nor_steals(
    account: Account, destination: Destination, datadog: FakeDatadog, ahead: timedelta
) -> None:
    with time_machine.travel(timezone.now() + ahead):
        ids = publish_runs(account, 1)
        vanished = claim(destination.pk)
    assert vanished.claims
    drain(destination.pk)
    assert datadog.arrived == [], "Its lease is measured by the database."
    release(vanished, vanished.claims)

    drain(destination.pk)

    assert datadog.event_ids == ids


def carry_all(account: Account, destination: Destination) -> None:
    route_account(account.pk)
    drain(destination.pk)


@pytest.mark.django_db
def test_a_duplicate_wake_up_finds_nothing_to_do(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    ids = publish_runs(account, 1)

    for _ in range(3):
        carry_all(account, destination)

    assert datadog.event_ids == ids
