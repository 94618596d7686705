"""What a service says, or what the database refuses, never undoes what was delivered elsewhere in the same lease."""

from typing import Any

import pytest
from django.db import DataError, OperationalError
from redis import Redis

from accounts.models import Account
from delivery import settling
from delivery.claim import Lease
from delivery.drain import drain
from delivery.ledger import Scope, faults
from delivery.models import Attempt, DeadLetter, Delivery
from delivery.settlement import Settlement
from destinations.models import Destination
from destinations.outcome import Rejection, SendResult
from destinations.targets.datadog import Datadog
from tests.carrying import FakeDatadog, answer
from tests.grouping import delivered, keys, make_destinations, publish_and_route

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("waking")]


def test_words_that_no_database_keeps_are_made_fit(account: Account, datadog: FakeDatadog) -> None:
    made = make_destinations(account, 3)
    publish_and_route(account)
    datadog.answers = [answer(202), answer(502, "half \0 a page")]

    drain(*keys(made))

    assert [delivered(destination) for destination in made] == [1, 0, 1]
    assert Attempt.objects.get(outcome="retry").message == "half \N{REPLACEMENT CHARACTER} a page"
    assert Destination.objects.get(pk=made[1].pk).error_said == "half \N{REPLACEMENT CHARACTER} a page"
    assert list(faults(Scope())) == []


@pytest.mark.parametrize("word", ["a\0b", "a\ud800b", 5, None])
def test_records_are_refused_in_any_words(
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch, word: Any
) -> None:
    """As JSON may hold them."""
    made = make_destinations(account, 2)
    publish_and_route(account, 2)
    refused = SendResult("202", word, (Rejection(0, word, word, retryable=False),), {"shard": word})
    monkeypatch.setattr(Datadog, "send", lambda *_: refused)

    drain(*keys(made))

    assert [delivered(destination) for destination in made] == [1, 1]
    assert DeadLetter.objects.count() == 2
    assert "\0" not in "".join(DeadLetter.objects.values_list("reason", flat=True))
    assert list(faults(Scope())) == []


def test_a_settlement_that_the_database_never_takes_harms_no_other(
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_destinations(account, 3)
    publish_and_route(account)
    write = settling.write

    def refuse(*settlements: Settlement) -> None:
        if made[1].pk in [each.destination.pk for each in settlements]:
            raise DataError("value out of range")
        write(*settlements)

    monkeypatch.setattr(settling, "write", refuse)
    monkeypatch.setattr(settling, "DATABASE_PATIENCE_SECONDS", 60.0)

    drain(*keys(made))

    assert [delivered(destination) for destination in made] == [1, 0, 1]
    refused = Destination.objects.get(pk=made[1].pk)
    assert (refused.error_code, refused.consecutive_failures) == ("internal_error", 1)
    assert refused.retry_at is not None, "It is not sent again and again."
    assert set(Delivery.objects.waiting().values_list("lease_token", flat=True)) == {""}


def test_trouble_of_the_database_is_not_told_as_the_destinations(
    account: Account, datadog: FakeDatadog, monkeypatch: pytest.MonkeyPatch, redis: "Redis"
) -> None:
    made = make_destinations(account, 2)
    publish_and_route(account)
    failing = [True]

    def fail_once(_: Lease) -> None:
        if failing:
            failing.pop()
            raise OperationalError("the connection is closed")

    monkeypatch.setattr("delivery.drain.renew", fail_once)

    drain(*keys(made))

    assert [delivered(destination) for destination in made] == [0, 1]
    assert not Destination.objects.filter(consecutive_failures__gt=0).exists()
    assert set(Delivery.objects.waiting().values_list("lease_token", flat=True)) == {""}
