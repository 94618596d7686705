"""The ledger notices every way in which rows contradict each other, in whichever chunk they lie."""

from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from accounts.models import Account
from delivery import ledger
from delivery.ledger import Scope, faults
from delivery.models import AttemptPart, DeadLetter, Delivery, RoutedBatch, Tally
from delivery.route import route_account
from destinations.models import Destination
from events.models import EventBatch
from events.publishing import publish
from subscriptions.models import Subscription
from tests.carrying import FakeDatadog, answer
from tests.factories import make_event

RUNS = 3


def _miscount_outcome() -> None:
    row = RoutedBatch.objects.latest("pk")
    row.outcome[0]["matched"] += 1
    row.save()


def _lose_outcome() -> None:
    RoutedBatch.objects.latest("pk").delete()


def _lose_delivery_of_tallies() -> None:
    Tally.objects.exclude(destination=None).filter(fan_out__gt=0).update(fan_out=F("fan_out") + 1)


@pytest.fixture
def carried(
    account: Account,
    subscription: Subscription,
    datadog: FakeDatadog,
    carry: Callable[[Account], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three runs of two events; the last was refused."""
    monkeypatch.setattr(ledger, "CHUNK", 1)
    for run in range(RUNS):
        if run == RUNS - 1:
            datadog.answers = [answer(400)] * 3
        publish([make_event(), make_event()], account=account)
        carry(account)
    assert list(faults(Scope())) == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_miscount_outcome, "3 matched by count, 2 by bitmap"),
        (_lose_outcome, "is marked as routed but has no outcome"),
        (lambda: DeadLetter.objects.latest("pk").delete(), "2 dead by count, 1 dead letters"),
        (lambda: AttemptPart.objects.earliest("pk").delete(), "2 delivered by count, 0 by attempts"),
        (lambda: Delivery.objects.filter(dead_count=2).update(dead_count=1), "is dead with 1 records waiting"),
        (lambda: Delivery.objects.filter(dead_count=2).update(count=3), "matched 2 events, but 3 records went to"),
        (_lose_delivery_of_tallies, "fan_out is 9 by tallies, 6 by deliveries"),
        (
            lambda: Delivery.objects.filter(pk=Delivery.objects.latest("pk").pk).update(
                state="waiting", dead_count=0, payload=None
            ),
            "waits without a payload",
        ),
        (lambda: EventBatch.objects.update(count=5), "counts 5 events, its types 2"),
    ],
)
def test_it_notices(carried: None, spoil: Callable[[], object], words: str) -> None:
    spoil()

    assert words in " ".join(faults(Scope()))


def test_the_command_says_so_and_ends_with_one(carried: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_ledger")
    assert "6 records = 4 delivered + 0 waiting + 2 dead" in capsys.readouterr().out

    _lose_outcome()

    with pytest.raises(CommandError, match="does not close"):
        call_command("check_ledger")
    assert "has no outcome" in capsys.readouterr().err


def test_what_waits_is_summed(
    account: Account, subscription: Subscription, destination: Destination, capsys: pytest.CaptureFixture[str]
) -> None:
    publish([make_event(), make_event()], account=account)
    route_account(account.pk)

    call_command("check_ledger")

    assert "2 records = 0 delivered + 2 waiting" in capsys.readouterr().out
