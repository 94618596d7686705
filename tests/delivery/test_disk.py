"""How large the database is, and when its disk will be full."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import Account, User
from delivery.disk import DAY, DiskUse, Part, disk_use
from events.models import EventBatch
from events.publishing import publish
from tests.factories import make_event

NOW = datetime(2026, 11, 25, tzinfo=UTC)
MB = 1_000_000
# Two days of seven: 10 MB a day. And a table as old as it gets.
GROWING = Part("events", 20 * MB, 2 * DAY, 7 * DAY)
FULL_GROWN = Part("outcomes", 5 * MB, 31 * DAY, 30 * DAY)


def use(capacity: int | None, *parts: Part) -> DiskUse:
    return DiskUse(30 * MB, parts or (GROWING, FULL_GROWN), capacity, NOW)


def test_a_table_grows_until_it_is_as_old_as_its_retention() -> None:
    assert [GROWING.bytes_after(days * DAY) // MB for days in (0, 1, 5, 6)] == [20, 30, 70, 70]
    assert FULL_GROWN.bytes_after(9 * DAY) == 5 * MB
    assert use(None).levels_off_at == 80 * MB


@pytest.mark.parametrize(
    ("capacity", "full_at"),
    [(None, None), (81 * MB, None), (80 * MB, NOW + 5 * DAY), (45 * MB, NOW + 2 * DAY), (10 * MB, NOW)],
)
def test_the_disk_is_full_on_the_day_that_its_capacity_is_reached(
    capacity: int | None, full_at: datetime | None
) -> None:
    assert use(capacity).full_at == full_at


def test_nothing_is_foretold_from_the_first_hour() -> None:
    young = Part("events", 20 * MB, timedelta(minutes=59), 7 * DAY)

    assert use(31 * MB, young).full_at is None


@pytest.fixture
def grown(account: Account) -> None:
    """Something was stored two days ago."""
    publish([make_event() for _ in range(100)], account=account)
    EventBatch.objects.update(accepted_at=timezone.now() - 2 * DAY)


def test_what_is_stored_is_measured(grown: None, settings: Settings) -> None:
    settings.DATABASE_DISK_BYTES = 10**15

    found = disk_use()

    assert 0 < sum(part.bytes for part in found.parts) <= found.bytes < found.levels_off_at
    assert found.parts[0].age // DAY == 2
    assert (found.capacity, found.full_at) == (10**15, None)


def test_the_command_tells_it_in_words_and_as_json(grown: None, settings: Settings) -> None:
    settings.DATABASE_DISK_BYTES = 1
    words, data = StringIO(), StringIO()

    call_command("disk_use", stdout=words)
    call_command("disk_use", "--json", stdout=data)

    assert f"are full on {timezone.now():%d %B %Y}" in words.getvalue()
    assert json.loads(data.getvalue())["full_at"] is not None
    settings.DATABASE_DISK_BYTES = 10**15
    call_command("disk_use", stdout=words)
    assert "are enough" in words.getvalue()


def test_metrics_tell_when_the_disk_is_full(grown: None, client: Client, settings: Settings) -> None:
    settings.DATABASE_DISK_BYTES = 10**15
    assert b"database_full_seconds " not in client.get("/metrics").content

    settings.DATABASE_DISK_BYTES = 1

    assert b"event_subscriptions_database_full_seconds 0.0" in client.get("/metrics").content


def test_only_staff_see_the_disk(grown: None, owner: User, owner_client: Client, settings: Settings) -> None:
    settings.DATABASE_DISK_BYTES = 1
    assert "disk-head" not in owner_client.get("/settings/").content.decode()

    User.objects.filter(pk=owner.pk).update(is_staff=True)

    assert "Filling up" in owner_client.get("/settings/").content.decode()
