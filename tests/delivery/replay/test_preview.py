"""What a replay would do."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Account
from delivery import replay_preview
from delivery.replay_preview import preview
from destinations.models import Destination
from events.models import EventBatch
from events.publishing import publish
from subscriptions.models import Subscription
from tests.delivery.replay.replaying import wanted
from tests.factories import on_port

pytestmark = pytest.mark.django_db


def test_the_preview_says_what_would_happen(
    account: Account, subscription: Subscription, other: Destination, past: list[str]
) -> None:
    first = subscription.destinations.get()
    EventBatch.objects.filter(pk=EventBatch.objects.earliest("pk").pk).update(payload=None)

    seen = preview(wanted(subscription, first, events_per_second=2))

    assert (seen.events, seen.gone, seen.matched, seen.delivered_before) == (6, 3, 4, 6)
    assert (seen.too_old, seen.seconds, seen.is_estimate) == (0, 2.0, False)
    assert seen.bytes > 400
    assert preview(wanted(subscription, other)).delivered_before == 0


def test_the_preview_knows_what_the_target_finds_too_old(
    account: Account, subscription: Subscription, other: Destination
) -> None:
    long_ago = (timezone.now() - timedelta(days=3)).isoformat()
    publish([on_port(443, event_timestamp=long_ago), on_port(443)], account=account)

    assert preview(wanted(subscription, other)).too_old == 1


def test_a_large_preview_is_reckoned_from_a_sample(
    account: Account, subscription: Subscription, other: Destination, past: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_preview, "SAMPLE_BATCHES", 1)

    seen = preview(wanted(subscription, other))

    assert (seen.matched, seen.is_estimate) == (6, True)
