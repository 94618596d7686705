import json

import pytest

from accounts.audit import SYSTEM
from accounts.models import Account, AuditEntry
from delivery import services
from delivery.ledger import Scope, faults
from delivery.models import DeadLetter, Delivery
from delivery.services import dead_letters_like, deliveries_like, export_dead_letters, replay_dead_letters, retry_like
from destinations.models import Destination
from events.publishing import publish
from tests.carrying import Carry, FakeDatadog, answer
from tests.factories import make_destination, make_event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("subscription")]


@pytest.fixture
def dead(account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry) -> list[str]:
    """IDs of three events in three deliveries that were refused."""
    ids: list[str] = []
    for _ in range(3):
        datadog.answers = [answer(400)]
        ids += publish([make_event()], account=account).event_ids
        carry(account)
    return ids


def test_all_of_one_reason_are_replayed_in_steps_and_only_once(
    account: Account, dead: list[str], datadog: FakeDatadog, carry: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "REPLAY_STEP", 2)
    other = DeadLetter.objects.latest("pk")
    DeadLetter.objects.filter(pk=other.pk).update(code="record_too_large")
    alike = dead_letters_like(DeadLetter.objects.earliest("pk"))
    assert alike.count() == 2

    made = replay_dead_letters(dead_letters=alike, actor=SYSTEM)
    carry(account)

    assert [delivery.count for delivery in made] == [1, 1]
    assert datadog.event_ids == dead[:2]
    assert not dead_letters_like(DeadLetter.objects.earliest("pk")).exists()
    assert list(faults(Scope())) == []


def test_dead_letters_go_to_another_destination(
    account: Account, dead: list[str], datadog: FakeDatadog, carry: Carry
) -> None:
    other = make_destination(account, description="Other")

    replay_dead_letters(dead_letters=DeadLetter.objects.all(), to=other, actor=SYSTEM)
    recorded = AuditEntry.objects.get(event_type="dead_letters_replayed")
    assert recorded.after == {"records": 3, "destination_id": other.pk}
    carry(account)

    assert sorted(datadog.event_ids) == sorted(dead)
    assert Delivery.objects.filter(destination=other, state="delivered").count() == 3
    assert list(faults(Scope())) == []


def test_the_export_has_a_line_for_each_with_reason_and_record(dead: list[str]) -> None:
    lines = [json.loads(line) for line in export_dead_letters(DeadLetter.objects.all())]

    assert [line["event_id"] for line in lines] == dead
    assert lines[0]["record"]["event_id"] == dead[0]
    assert (lines[0]["code"], lines[0]["event_type"]) == ("400", "http_request_complete.v0")
    assert lines[0]["reason"].endswith(".")


def test_retrying_all_like_one_ends_the_backoff_for_all(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    datadog.answers = [answer(503)]
    ids = list(publish([make_event()], account=account).event_ids)
    carry(account)
    ids += publish([make_event()], account=account).event_ids
    carry(account)
    delivery = Delivery.objects.earliest("pk")
    assert deliveries_like(delivery).count() == 2
    assert datadog.arrived == []

    assert retry_like(delivery=delivery) == 2
    carry(account)

    assert datadog.event_ids == ids


def test_large_ones_are_replayed_in_smaller_steps(
    account: Account, dead: list[str], datadog: FakeDatadog, carry: Carry, monkeypatch: pytest.MonkeyPatch
) -> None:
    length = len(bytes(DeadLetter.objects.earliest("pk").payload))
    monkeypatch.setattr(services, "STEP_BYTES", 2 * length + length // 2)
    assert [len(ids) for ids in services._steps(DeadLetter.objects.all())] == [2, 1]

    made = replay_dead_letters(dead_letters=DeadLetter.objects.all(), actor=SYSTEM)
    carry(account)

    assert len(made) == 3
    assert datadog.event_ids == dead
    assert list(faults(Scope())) == []
