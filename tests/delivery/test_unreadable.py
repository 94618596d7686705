"""A destination whose secret nobody can decrypt any more is in trouble itself, and nobody else is."""

from datetime import timedelta

import pytest
from django.utils import timezone
from redis import Redis

from accounts.models import Account, User
from common.crypto import SecretUnreadableError
from dashboard.notifications import notify
from delivery import sweep as sweep_module
from delivery import workers
from delivery.drain import drain
from delivery.models import Delivery
from delivery.sweep import sweep
from destinations.models import Destination, TestRun
from tests.carrying import FakeDatadog
from tests.dashboard.mails import subjects
from tests.factories import make_destination
from tests.grouping import delivered, in_line, keys, make_destinations, publish_and_route

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("waking")]


def make_unreadable(destination: Destination) -> None:
    """As when the key that it was encrypted under is gone."""
    Destination.objects.filter(pk=destination.pk).update(secrets="gAAAAAnothing")
    with pytest.raises(SecretUnreadableError):
        destination.refresh_from_db()


def test_it_is_blocked_and_people_are_told(account: Account, owner: User, datadog: FakeDatadog) -> None:
    made = make_destinations(account, 3)
    publish_and_route(account)
    make_unreadable(made[1])

    drain(*keys(made))

    assert [delivered(destination) for destination in made] == [1, 0, 1]
    blocked = Destination.objects.light().get(pk=made[1].pk)
    assert (blocked.state, blocked.error_code) == ("blocked", "no_secret")
    assert set(Delivery.objects.waiting().values_list("lease_token", flat=True)) == {""}
    assert (notify(), notify()) == (1, 0)
    assert "Datadog 1" in subjects()[0]


def test_the_sweep_goes_on(account: Account, redis: "Redis") -> None:
    """It looks at destinations that stand idle, in the process that all workers of a host depend on."""
    made = [make_destination(account, description=f"Datadog {number}") for number in range(2)]
    Destination.objects.update(created_at=timezone.now() - timedelta(days=2))
    make_unreadable(made[0])

    sweep()

    has_secrets = {run.destination_id: bool(run.secrets) for run in TestRun.objects.all()}
    assert has_secrets == {made[0].pk: False, made[1].pk: True}


def test_what_nobody_thought_of_stops_one_step_of_the_sweep(
    account: Account, datadog: FakeDatadog, redis: "Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    (destination,) = make_destinations(account, 1)
    publish_and_route(account)
    redis.flushall()

    def stumble() -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(sweep_module, "STEPS", (stumble, *sweep_module.STEPS))
    monkeypatch.setattr(workers, "prune", lambda **_: stumble())

    workers._sweep()
    workers._prune()

    assert in_line(redis) == [destination.pk]
