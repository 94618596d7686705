"""`manage.py replay`."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account, AuditEntry
from delivery.models import Replay
from destinations.models import Destination
from subscriptions.models import Subscription

pytestmark = pytest.mark.django_db


def test_the_command_previews_starts_and_stops(
    account: Account, subscription: Subscription, other: Destination, past: list[str]
) -> None:
    out = StringIO()

    call_command("replay", subscription.pk, to=other.pk, stdout=out)
    assert "6 match" in out.getvalue()
    assert not Replay.objects.exists()
    call_command("replay", subscription.pk, to=other.pk, yes=True, stdout=out)
    replay = Replay.objects.get()
    call_command("replay", str(replay.pk), "pause", stdout=out)

    assert "is paused" in out.getvalue()
    with pytest.raises(CommandError, match="can't pause"):
        call_command("replay", str(replay.pk), "pause", stdout=out)
    with pytest.raises(CommandError, match="no subscription"):
        call_command("replay", "esb_none", stdout=out)
    entries = AuditEntry.objects.filter(object_id=str(replay.pk)).order_by("pk")
    assert [entry.event_type for entry in entries] == ["replay_started", "replay_paused"]
    assert {entry.actor_id for entry in entries} == {"manage.py replay"}


def test_the_command_speaks_json_and_can_only_tell(
    account: Account, subscription: Subscription, other: Destination, past: list[str]
) -> None:
    def told(*args: str, **options: Any) -> Any:
        out = StringIO()
        call_command("replay", *args, json=True, stdout=out, **options)
        return json.loads(out.getvalue())

    shown = told(subscription.pk, to=other.pk, dry_run=True)
    assert (shown["preview"]["matched"], shown["replay"]) == (6, None)
    replay = told(subscription.pk, to=other.pk, yes=True)["replay"]
    assert told(str(replay["id"]), "cancel", dry_run=True)["replay"]["state"] == "cancelled"

    assert Replay.objects.get().state == "running"
    assert told(str(replay["id"]))["replay"]["state"] == "running"
