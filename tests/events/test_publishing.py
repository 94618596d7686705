import gzip
import json
from typing import Any

import pytest

from accounts.models import Account
from common import payloads
from events.intake import MAX_EVENTS, BodyError
from events.models import EventBatch, PublishRequest
from events.publishing import IdempotencyConflictError, Publisher, RefusedError, publish, publish_body
from tests.factories import AUDIT, HTTP, TCP, make_account, make_event

pytestmark = pytest.mark.django_db


def own(account: Account) -> Publisher:
    return Publisher("ak_test", account.pk)


def stored(account: Account) -> list[dict[str, Any]]:
    lines = []
    for batch in EventBatch.objects.filter(account=account).order_by("pk"):
        blob = bytes(batch.payload or b"")
        ndjson = payloads.decompress(blob) if batch.encoding == EventBatch.Encoding.ZSTD else blob
        lines += [json.loads(line) for line in ndjson.splitlines()]
    return lines


@pytest.mark.parametrize("shape", ["object", "array", "ndjson"])
def test_every_shape_of_body_is_stored_as_whole_envelopes(account: Account, shape: str) -> None:
    events = [make_event(), make_event(TCP)] if shape != "object" else [make_event()]
    body = {
        "object": lambda: json.dumps(events[0], indent=2),
        "array": lambda: json.dumps(events, indent=2),
        "ndjson": lambda: "\n".join(json.dumps(event) for event in events) + "\n",
    }[shape]()

    receipt = publish_body(body.encode(), publisher=own(account))

    envelopes = stored(account)
    assert [envelope["event_id"] for envelope in envelopes] == list(receipt.event_ids)
    assert list(envelopes[0]) == ["event_id", "event_type", "event_timestamp", "account_id", "principal", "object"]
    assert envelopes[0]["object"] == events[0]["object"]
    assert envelopes[0]["principal"] is None
    assert envelopes[0]["account_id"] == account.pk
    assert envelopes[0]["event_timestamp"].endswith("Z")


def test_numbers_and_unicode_are_stored_as_they_were_sent(account: Account) -> None:
    sent = b'{"a":1.10,"b":12345678901234567890123,"c":"\xc3\xa9\\u00e9"}'

    publish_body(b'{"event_type":"http_request_complete.v0","object":' + sent + b"}", publisher=own(account))

    assert sent in bytes(EventBatch.objects.get().payload or b"")


@pytest.mark.parametrize(
    ("event", "code", "words"),
    [
        (
            {"event_type": "http_request_complet.v0", "object": {}},
            "unknown_type",
            "Did you mean http_request_complete.v0?",
        ),
        ({"event_type": HTTP}, "malformed", "object"),
        ({"event_type": HTTP, "object": []}, "malformed", "JSON object"),
        ({"event_type": HTTP, "object": {}, "event_timestamp": "yesterday"}, "malformed", "RFC 3339"),
        ({"event_type": HTTP, "object": {}, "event_timestamp": "2026-11-23T08:00:00"}, "bad_timestamp", "time zone"),
        (
            {"event_type": HTTP, "object": {}, "event_timestamp": "2990-01-01T00:00:00Z"},
            "bad_timestamp",
            "one day ahead",
        ),
        ({"event_type": HTTP, "object": {}, "event_id": "ev_1"}, "malformed", "given by the server"),
        ({"event_type": HTTP, "object": {"a": "b\0c"}}, "malformed", "U+0000"),
        ({"event_type": HTTP, "object": {"a": {"\0": 1}}}, "malformed", "U+0000"),
        ({"event_type": HTTP, "object": {"a": "x" * 300_000}}, "too_large", "262,144"),
        ({"event_type": "event_subscription_created.v0", "object": {}}, "type_not_allowed", "this product itself"),
        ({"event_type": HTTP, "object": {}, "account_id": "ac_elsewhere"}, "unknown_account", "ac_elsewhere"),
    ],
)
def test_a_faulty_event_is_refused_by_its_index_with_a_reason(
    account: Account, event: dict[str, Any], code: str, words: str
) -> None:
    body = "\n".join(json.dumps(each) for each in [make_event(), event, make_event()]).encode()

    with pytest.raises(RefusedError) as refusal:
        publish_body(body, publisher=own(account))

    assert [(fault.index, fault.code) for fault in refusal.value.faults] == [(1, code)]
    assert words in refusal.value.faults[0].message
    assert not EventBatch.objects.exists()


def test_partial_accepts_the_good_events_and_names_the_others(account: Account) -> None:
    lines = [
        json.dumps(make_event()),
        "{broken",
        json.dumps(make_event(TCP)),
        json.dumps({"event_type": "x", "object": {}}),
    ]

    receipt = publish_body("\n".join(lines).encode(), publisher=own(account), partial=True)

    assert [envelope["event_type"] for envelope in stored(account)] == [HTTP, TCP]
    assert [fault.index for fault in receipt.faults] == [1, 3]


def test_invalid_utf8_is_refused_by_index(account: Account) -> None:
    body = json.dumps(make_event()).encode() + b'\n{"event_type":"http_request_complete.v0","object":{"a":"\xff"}}'

    with pytest.raises(RefusedError) as refusal:
        publish_body(body, publisher=own(account))

    assert refusal.value.faults[0].index == 1
    assert "0xff" in refusal.value.faults[0].message


def test_an_escaped_backslash_before_u0000_is_no_nul(account: Account) -> None:
    body = b'{"event_type":"http_request_complete.v0","object":{"a":"\\\\u0000"}}'

    publish_body(body, publisher=own(account))

    assert stored(account)[0]["object"] == {"a": "\\u0000"}


@pytest.mark.parametrize("body", [b"", b"   ", b"[]", b"[1, 2", b'"text"'])
def test_a_body_that_holds_no_events_is_refused(account: Account, body: bytes) -> None:
    with pytest.raises((BodyError, RefusedError)):
        publish_body(body, publisher=own(account))


def test_more_events_than_the_limit_are_refused(account: Account) -> None:
    body = b'{"event_type":"ip_policy_created.v0","object":{}}\n' * (MAX_EVENTS + 1)

    with pytest.raises(BodyError, match="10,001"):
        publish_body(body, publisher=own(account))


def test_a_request_may_mix_accounts_and_makes_one_batch_each(account: Account) -> None:
    other = make_account(name="Other")
    events = [make_event(account_id=each.pk) for each in (account, other, account)]

    receipt = publish_body(json.dumps(events).encode(), publisher=Publisher("pub_test"))

    assert {batch.account_id: batch.count for batch in EventBatch.objects.all()} == {account.pk: 2, other.pk: 1}
    assert len(receipt.event_ids) == 3
    assert stored(other)[0]["event_id"] == receipt.event_ids[1]


def test_a_publisher_key_publishes_only_what_it_may(account: Account) -> None:
    other = make_account(name="Other")
    publisher = Publisher("pub_test", allowed_accounts=frozenset([account.pk]), allowed_types=frozenset([HTTP]))
    events = [
        make_event(account_id=account.pk),
        make_event(account_id=other.pk),
        make_event(AUDIT, account_id=account.pk),
    ]

    receipt = publish_body(json.dumps(events).encode(), publisher=publisher, partial=True)

    assert len(receipt.event_ids) == 1
    assert [fault.code for fault in receipt.faults] == ["unknown_account", "type_not_allowed"]


@pytest.mark.parametrize("line", ["{broken", json.dumps(make_event(AUDIT))])
def test_partial_refuses_a_request_of_which_nothing_is_good(account: Account, line: str) -> None:
    publisher = Publisher("pub_test", account.pk, allowed_types=frozenset([HTTP]))

    with pytest.raises(RefusedError):
        publish_body(line.encode(), publisher=publisher, partial=True)


def test_the_same_idempotency_key_answers_the_same_and_stores_once(account: Account) -> None:
    body = json.dumps([make_event(), make_event()]).encode()

    first = publish_body(body, publisher=own(account), idempotency_key="k1")
    second = publish_body(body, publisher=own(account), idempotency_key="k1")

    assert first == second
    assert EventBatch.objects.count() == 1


def test_another_body_under_the_same_idempotency_key_is_a_conflict(account: Account) -> None:
    publish_body(json.dumps(make_event()).encode(), publisher=own(account), idempotency_key="k1")

    with pytest.raises(IdempotencyConflictError, match="'k1'"):
        publish_body(json.dumps(make_event(TCP)).encode(), publisher=own(account), idempotency_key="k1")
    assert PublishRequest.objects.count() == EventBatch.objects.count() == 1


def test_publish_from_inside_raises_for_faults(account: Account) -> None:
    receipt = publish([make_event()], account=account)
    assert stored(account)[0]["event_id"] == receipt.event_ids[0]

    with pytest.raises(RefusedError):
        publish([{"event_type": "nothing.v0", "object": {}}], account=account)


def test_gzip_is_a_matter_of_the_view_not_of_publishing(account: Account) -> None:
    with pytest.raises((BodyError, RefusedError)):
        publish_body(gzip.compress(json.dumps(make_event()).encode()), publisher=own(account))
