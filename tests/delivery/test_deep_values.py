"""What publishing accepts can be read everywhere: by filters, field selections, targets and pages."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from delivery.fate import State, fate_of
from events.faults import MAX_DEPTH
from events.publishing import Publisher, RefusedError, publish, publish_body
from subscriptions.services import SourceSpec
from tests.carrying import Carry, FakeDatadog
from tests.factories import HTTP, make_destination, make_event, make_subscription

pytestmark = pytest.mark.django_db


def nested(levels: int) -> bytes:
    """An event whose object has so many levels, half of them arrays."""
    deep = b'{"a":[' * (levels // 2 - 1) + b"]}" * (levels // 2 - 1)
    return b'{"event_type":"%b","object":{"conn":{"server_port":443},"b":[%b]}}' % (HTTP.encode(), deep)


@pytest.mark.parametrize("copies", [1, 2])
def test_the_deepest_event_is_carried_and_shown(
    account: Account, owner_client: Client, datadog: FakeDatadog, carry: Carry, copies: int
) -> None:
    for source in (SourceSpec(HTTP, "ev.conn.server_port == 443"), SourceSpec(HTTP, "", ["conn.server_port"])):
        make_subscription(account, make_destination(account), sources=[source])
    publisher = Publisher("ak_1", account.pk)

    ids = publish_body(b"\n".join([nested(MAX_DEPTH)] * copies), publisher=publisher).event_ids
    carry(account)

    for event_id in ids:
        found = fate_of(account, event_id)
        assert found is not None
        assert [fate.state for fate in found.fates] == [State.DELIVERED, State.DELIVERED]
        assert owner_client.get(reverse("delivery:event", args=[event_id])).status_code == 200


@pytest.mark.parametrize("copies", [1, 2])
def test_a_deeper_one_is_refused_and_told(account: Account, copies: int) -> None:
    publisher = Publisher("ak_1", account.pk)

    with pytest.raises(RefusedError) as refused:
        publish_body(b"\n".join([nested(MAX_DEPTH + 2)] * copies), publisher=publisher)

    assert [fault.code for fault in refused.value.faults] == ["malformed"] * copies
    assert str(MAX_DEPTH) in refused.value.faults[0].message


def test_brackets_in_texts_are_not_levels(account: Account) -> None:
    text = '[{"\\' * MAX_DEPTH

    assert len(publish([make_event(object={"a": text, "b": json.dumps(text)})], account=account).event_ids) == 1
