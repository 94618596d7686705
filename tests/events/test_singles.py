"""Single events that arrive together: one batch for each key and account, and each is told its own."""

import json
import threading
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from accounts.models import Account, hash_token
from common.ids import distance
from delivery.fate import State, fate_of
from delivery.ledger import Scope, faults
from events.by_id import find_event
from events.intake import read_single
from events.models import EventBatch, PublisherKey
from events.quick_way import QuickWay
from events.services import issue_token
from events.singles import Single, save_singles
from subscriptions.services import SourceSpec
from tests.carrying import Carry, FakeDatadog
from tests.events.quick import send
from tests.factories import HTTP, make_account, make_api_key, make_destination, make_event, make_subscription

# A request has a connection of its own, outside any transaction of a test.
pytestmark = pytest.mark.django_db(transaction=True)


def single(token: str, **fields: Any) -> Single:
    event = read_single(json.dumps(make_event(**fields)).encode(), now=timezone.now())
    assert event is not None
    return Single(hash_token(token), event)


def save(*singles: Single) -> list[str | None]:
    with transaction.atomic():
        return save_singles(singles)


def test_a_group_makes_one_batch_for_each_key_and_account(account: Account, token: str) -> None:
    other = make_account(name="Other")
    service = issue_token(PublisherKey(name="edge"))

    ids = save(
        single(token),
        single(make_api_key(other)),
        single(service, account_id=account.pk),
        single(token),
        single("unknown_key"),
        single(service, account_id=other.pk),
        single(service),
    )

    assert [event_id is None for event_id in ids] == [False, False, False, False, True, False, True]
    counts = EventBatch.objects.order_by("pk").values_list("account_id", "count")
    assert list(counts) == [(account.pk, 2), (other.pk, 1), (account.pk, 1), (other.pk, 1)]
    first, second = ids[0], ids[3]
    assert first is not None
    assert second is not None
    assert distance(first, second) == 1


def test_each_event_of_a_shared_batch_has_a_fate_of_its_own(
    account: Account, token: str, datadog: FakeDatadog, carry: Carry
) -> None:
    make_subscription(account, make_destination(account), sources=[SourceSpec(HTTP, "ev.conn.server_port == 443")])
    ids = save(*(single(token, object={"conn": {"server_port": port}}) for port in (443, 80, 443)))

    carry(account)

    assert datadog.event_ids == [ids[0], ids[2]]
    fates = [fate_of(account, event_id or "") for event_id in ids]
    states = [fate.fates[0].state for fate in fates if fate is not None]
    assert states == [State.DELIVERED, State.FILTERED, State.DELIVERED]
    assert list(faults(Scope(account.pk))) == []


def test_events_that_arrive_together_are_all_stored_and_each_is_told_its_own(
    account: Account, token: str, quick: QuickWay
) -> None:
    told: dict[int, str] = {}

    def publish(port: int) -> None:
        try:
            body = json.dumps(make_event(object={"conn": {"server_port": port}})).encode()
            told[port] = send(quick, body, token).body["event_ids"][0]
        finally:
            connections.close_all()

    threads = [threading.Thread(target=publish, args=(port,)) for port in range(1, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(told.values())) == len(threads)
    for port, event_id in told.items():
        event = find_event(account.pk, event_id)
        assert event is not None
        assert json.loads(bytes(event.object)) == {"conn": {"server_port": port}}
