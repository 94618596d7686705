"""Claiming beside what else writes about the same destination, on PostgreSQL: nobody waits in a circle."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from accounts.models import Account
from delivery.claim import claim
from delivery.deltas import Deltas
from delivery.models import Delivery
from delivery.route import route_account, write_outcome
from destinations.models import Destination
from events.publishing import publish
from tests.factories import make_destination, make_event, make_subscription

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time."),
]

# Long enough for a statement or two.
A_MOMENT = 2.0


@pytest.fixture
def destination(account: Account) -> Destination:
    destination = make_destination(account)
    make_subscription(account, destination)
    publish([make_event()], account=account)
    route_account(account.pk)
    return destination


class Beside:
    """Runs `act` in a thread with a connection of its own, and gives it a moment before what follows."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.raised: list[BaseException] = []
        self._act = act
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._thread.join(A_MOMENT)

    @property
    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(20)
        assert self.is_done

    def _run(self) -> None:
        try:
            self._act()
        except BaseException as error:  # noqa: BLE001
            self.raised.append(error)
        finally:
            connection.close()


def test_claiming_does_not_lock_out_who_discards_what_it_waits_for(destination: Destination) -> None:
    """Discarding and expiring lock deliveries, then write tallies, whose foreign key wants the destination."""
    with transaction.atomic():
        delivery = Delivery.objects.select_for_update().get()
        claiming = Beside(lambda: claim(destination.pk))
        deltas = Deltas()
        deltas.add(delivery, "discarded", {"a": 1})
        deltas.save()
    claiming.join()
    assert claiming.raised == []


def test_events_are_accepted_while_a_run_of_routing_is_written(
    account: Account, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run locks its account; a batch only needs that it exists."""
    publish([make_event()], account=account)
    done: list[bool] = []

    def write_beside_a_request(*given: object) -> None:
        if not done:
            done.append(Beside(lambda: publish([make_event()], account=account)).is_done)
        write_outcome(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("delivery.route.write_outcome", write_beside_a_request)
    route_account(account.pk)

    assert done[0]
