"""Records that a service does not take: too old or too large, by what the service and the destination say."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Account
from delivery.drain import drain
from delivery.ledger import Scope, faults
from delivery.models import Attempt, DeadLetter, Delivery
from destinations.models import Destination
from destinations.outcome import RetryableError
from destinations.targets import all_targets
from destinations.targets.datadog import Datadog
from tests.carrying import FakeDatadog
from tests.destinations.targets.samples import DEMO
from tests.factories import make_destination

pytestmark = pytest.mark.django_db


WINDOWS = [(slug, target.oldest) for slug, target in all_targets().items() if target.oldest is not None]


@pytest.mark.parametrize(("slug", "oldest"), WINDOWS)
def test_what_is_too_old_for_a_service_becomes_a_dead_letter_where_the_destination_says_so(
    account: Account, held: Callable[..., Delivery], slug: str, oldest: timedelta
) -> None:
    demo = DEMO[slug]
    destination = make_destination(account, target=slug, config=demo.config, secrets=demo.secrets, refuses_too_old=True)
    held(destination, 2, routed_at=timezone.now() - oldest + timedelta(minutes=5))

    drain(destination.pk)

    assert {letter.code for letter in DeadLetter.objects.all()} == {"too_old"}
    assert DeadLetter.objects.count() == 2
    assert not Attempt.objects.exists(), "Nothing was sent."
    assert list(faults(Scope())) == []


@pytest.mark.parametrize("refuses", [False, True])
def test_what_is_young_enough_is_sent_in_any_case(
    account: Account, held: Callable[..., Delivery], datadog: FakeDatadog, refuses: bool
) -> None:
    """Beside one that is too old, which gets the time of sending unless it is refused."""
    destination = make_destination(account, refuses_too_old=refuses)
    held(destination, 1, routed_at=timezone.now() - timedelta(hours=20))
    held(destination, 1, routed_at=timezone.now() - timedelta(hours=17))

    drain(destination.pk)

    assert (len(datadog.arrived), DeadLetter.objects.count()) == ((1, 1) if refuses else (2, 0))
    assert list(faults(Scope())) == []


def test_a_record_over_the_usual_size_is_sent_where_the_service_takes_it(
    account: Account,
    destination: Destination,
    held: Callable[..., Delivery],
    datadog: FakeDatadog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a Kinesis stream does whose owner raised its limit."""
    monkeypatch.setattr(Datadog, "limits", Datadog.limits._replace(max_record_bytes=10))
    monkeypatch.setattr(Datadog, "largest_record", lambda _: 10_000)
    held(destination, 1)

    drain(destination.pk)

    assert len(datadog.arrived) == 1


def test_a_service_that_does_not_tell_its_limit_is_asked_again(
    account: Account, destination: Destination, held: Callable[..., Delivery], monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(_: Datadog) -> int:
        raise RetryableError("Too many requests.", code="ThrottlingException")

    monkeypatch.setattr(Datadog, "limits", Datadog.limits._replace(max_record_bytes=10))
    monkeypatch.setattr(Datadog, "largest_record", throttled)
    held(destination, 1)

    drain(destination.pk)

    destination.refresh_from_db()
    assert (destination.error_code, destination.consecutive_failures) == ("ThrottlingException", 1)
    assert Delivery.objects.get().lease_expires_at is None
    assert not DeadLetter.objects.exists()
