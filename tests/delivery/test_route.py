import base64
from typing import Any

import pytest
from django.db import transaction

from accounts.audit import SYSTEM
from accounts.models import Account
from common import bitmap, payloads
from delivery import route
from delivery.decide import decide
from delivery.models import Delivery, RoutedBatch, Routing, Tally
from delivery.route import PlanOutdatedError, route_account
from events.models import EventBatch
from events.publishing import publish
from subscriptions.models import Source, Subscription
from subscriptions.plan import plan_for
from subscriptions.services import SourceSpec, delete_subscription, update_subscription
from tests.factories import AUDIT, HTTP, PORT_443, TCP, make_account, make_destination, make_event, make_subscription

pytestmark = pytest.mark.django_db

ON_443 = SourceSpec(HTTP, PORT_443, ["conn.server_name"])


def on_port(port: int) -> dict[str, object]:
    return make_event(object={"conn": {"server_name": f"p{port}.acme.app", "server_port": port}, "tls": None})


def records(delivery: Delivery) -> list[bytes]:
    assert delivery.payload is not None
    return payloads.decompress(bytes(delivery.payload)).splitlines()


def test_matching_events_become_one_delivery_for_each_destination(account: Account) -> None:
    places = [make_destination(account), make_destination(account, description="Second")]
    make_subscription(account, *places, sources=[ON_443, SourceSpec(TCP)])
    receipt = publish([on_port(443), on_port(80), make_event(TCP), make_event(AUDIT), on_port(443)], account=account)

    assert route_account(account.pk) == 5

    deliveries = list(Delivery.objects.order_by("pk"))
    assert {delivery.destination for delivery in deliveries} == set(places)
    wanted = [receipt.event_ids[index] for index in (0, 2, 4)]
    for delivery in deliveries:
        assert delivery.count == 3
        assert [line[13:43].decode() for line in records(delivery)] == wanted


def test_a_record_is_the_envelope_with_the_selected_fields(account: Account) -> None:
    make_subscription(account, make_destination(account), sources=[ON_443])
    publish([on_port(443)], account=account)

    route_account(account.pk)

    line = records(Delivery.objects.get())[0]
    assert line.endswith(b'"principal":null,"object":{"conn":{"server_name":"p443.acme.app"}}}')
    assert line.startswith(b'{"event_id":"ev_')


def test_without_a_choice_of_fields_the_object_passes_unchanged(account: Account) -> None:
    make_subscription(account, make_destination(account))
    publish([on_port(80)], account=account)

    route_account(account.pk)

    expected = b'"object":{"conn":{"server_name":"p80.acme.app","server_port":80},"tls":null}}'
    assert records(Delivery.objects.get())[0].endswith(expected)


def test_the_outcome_keeps_a_bit_for_every_event(account: Account) -> None:
    subscription = make_subscription(account, make_destination(account), sources=[ON_443])
    absent = make_event(object={"conn": {}})
    publish([on_port(80), on_port(443), make_event(TCP), absent, on_port(443)], account=account)

    route_account(account.pk)

    (part,) = RoutedBatch.objects.get().outcome
    assert (part["subscription"], part["revision"]) == (subscription.pk, 1)
    assert (part["of_types"], part["matched"], part["errors"]) == (4, 2, [3])
    assert list(bitmap.positions(base64.b64decode(part["matched_bits"]), 5)) == [1, 4]


def test_routing_twice_makes_nothing_twice(account: Account) -> None:
    make_subscription(account, make_destination(account))
    publish([on_port(443)], account=account)

    route_account(account.pk)

    assert route_account(account.pk) == 0
    assert Delivery.objects.count() == Routing.objects.count() == 1


def test_two_runs_over_the_same_batches_write_only_once(account: Account) -> None:
    make_subscription(account, make_destination(account))
    publish([on_port(443)], account=account)
    batches = list(EventBatch.objects.all())
    slow = decide(account.pk, plan_for(account.pk), batches)
    route_account(account.pk)

    with pytest.raises(PlanOutdatedError), transaction.atomic():
        route._write(slow)

    assert Delivery.objects.count() == 1


def test_a_configuration_that_changes_under_way_is_routed_anew(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = make_subscription(account, make_destination(account), sources=[ON_443])
    publish([on_port(443), on_port(80)], account=account)
    original = decide

    def change_then(*args: Any) -> Any:
        monkeypatch.setattr(route, "decide", original)
        run = original(*args)
        update_subscription(subscription=subscription, actor=SYSTEM, sources=[SourceSpec(HTTP)])
        return run

    monkeypatch.setattr(route, "decide", change_then)

    route_account(account.pk)

    assert (Delivery.objects.get().count, Delivery.objects.get().revision) == (2, 2)


def test_a_paused_subscription_captures_and_one_that_is_off_does_not(account: Account) -> None:
    destination = make_destination(account)
    paused, off = make_subscription(account, destination), make_subscription(account, destination)
    update_subscription(subscription=paused, actor=SYSTEM, state=Subscription.State.PAUSED)
    update_subscription(subscription=off, actor=SYSTEM, state=Subscription.State.OFF)
    deleted = make_subscription(account, destination)
    delete_subscription(subscription=deleted, actor=SYSTEM)
    publish([on_port(443)], account=account)

    route_account(account.pk)

    assert [delivery.subscription for delivery in Delivery.objects.all()] == [paused]


def test_a_filter_that_no_longer_compiles_leaves_its_events_undecided(account: Account) -> None:
    subscription = make_subscription(account, make_destination(account), sources=[ON_443])
    Source.objects.filter(subscription=subscription).update(filter="ev.(")
    account.touch_configuration()
    publish([on_port(443), on_port(80)], account=account)

    route_account(account.pk)

    routed = RoutedBatch.objects.get()
    assert routed.is_undecided
    assert routed.outcome[0]["undecided"] == 2
    assert not Delivery.objects.exists()


def test_neither_a_broken_filter_nor_an_error_on_one_event_blocks_others(account: Account) -> None:
    destination = make_destination(account)
    broken, choosy, healthy = (make_subscription(account, destination, sources=[ON_443]) for _ in range(3))
    Source.objects.filter(subscription=broken).update(filter="ev.conn.gone == 1")
    Source.objects.filter(subscription=choosy).update(filter="ev.conn.client_ip == '10.0.0.1'")
    account.touch_configuration()
    of_wrong_type = make_event(object={"conn": {"server_port": 443, "client_ip": 5}, "tls": [None]})
    publish([on_port(443), of_wrong_type, on_port(80), on_port(443)], account=account)

    route_account(account.pk)

    parts = {part["subscription"]: part for part in RoutedBatch.objects.get().outcome}
    assert (parts[broken.pk]["undecided"], parts[broken.pk]["errors"]) == (4, [])
    assert (parts[choosy.pk]["matched"], parts[choosy.pk]["errors"]) == (0, [0, 2, 3])
    assert (parts[healthy.pk]["matched"], parts[healthy.pk]["errors"]) == (3, [])
    assert [delivery.subscription for delivery in Delivery.objects.all()] == [healthy]
    assert Tally.objects.get(subscription=choosy).filtered == 4


def test_subscriptions_with_the_same_fields_share_a_projection(account: Account) -> None:
    destination = make_destination(account)
    for port in (443, 80):
        source = SourceSpec(HTTP, f"ev.conn.server_port == {port}", ["conn.server_name", "conn.server_port"])
        make_subscription(account, destination, sources=[source])
    make_subscription(account, destination, sources=[SourceSpec(HTTP, "", ["conn.server_port"])])

    sources = plan_for(account.pk).by_type[HTTP]

    (alone,) = {source.projection for source in sources if source.filter is None}
    (shared,) = {source.projection for source in sources if source.filter is not None}
    assert shared is not alone
    assert plan_for(account.pk) is plan_for(account.pk)


def test_a_batch_of_many_types_is_decided_as_each_event_alone(account: Account) -> None:
    subscription = make_subscription(account, make_destination(account), sources=[ON_443, SourceSpec(TCP)])
    port_as_text = make_event(object={"conn": {"server_name": "text", "server_port": "443"}})
    events = [
        make_event(TCP),
        on_port(443),
        make_event(AUDIT),
        port_as_text,
        on_port(80),
        make_event(TCP),
        on_port(443),
    ]
    together = publish(events, account=account)

    route_account(account.pk)
    for event in events:
        publish([event], account=account)
    route_account(account.pk)

    of_types = [part["matched"] for row in RoutedBatch.objects.order_by("pk") for part in row.outcome]
    assert of_types == [4, 1, 1, 0, 0, 1, 1]
    first, second = ([line.split(b'"object"')[1] for line in records(each)] for each in Delivery.objects.order_by("pk"))
    assert first == second
    assert len(together.event_ids) == len(events)
    assert {delivery.subscription for delivery in Delivery.objects.all()} == {subscription}


def test_accounts_never_see_each_others_events(account: Account) -> None:
    other = make_account(name="Other")
    make_subscription(account, make_destination(account))
    make_subscription(other, make_destination(other))
    publish([on_port(443)], account=account)

    route_account(account.pk)
    route_account(other.pk)

    assert [delivery.account for delivery in Delivery.objects.all()] == [account]


def test_events_without_any_subscription_are_routed_to_nobody(account: Account) -> None:
    publish([on_port(443)], account=account)

    route_account(account.pk)

    assert EventBatch.objects.get().routed_at is not None
    assert RoutedBatch.objects.get().outcome == []
