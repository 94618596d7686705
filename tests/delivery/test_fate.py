import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.audit import SYSTEM
from accounts.models import Account
from common.ids import new_id
from delivery.drain import drain
from delivery.fate import EventFate, Fate, State, fate_of
from delivery.held import Resume, discard_waiting, resume
from delivery.models import DeadLetter, Delivery, Routing
from delivery.route import route_account
from delivery.services import replay_dead_letters
from destinations.models import Destination
from destinations.services import pause_destination
from events.by_id import find_batch
from events.models import EventBatch
from events.publishing import publish
from subscriptions.models import Source, Subscription
from subscriptions.services import SourceSpec, update_subscription
from tests.carrying import Carry, FakeDatadog, answer
from tests.factories import (
    AUDIT,
    HTTP,
    PORT_443,
    TCP,
    make_account,
    make_destination,
    make_event,
    make_subscription,
    on_port,
)

pytestmark = pytest.mark.django_db

ON_443 = SourceSpec(HTTP, PORT_443)


@pytest.fixture
def subscription(account: Account, destination: Destination) -> Subscription:
    return make_subscription(account, destination, sources=[ON_443])


def told(account: Account, event_id: str) -> EventFate:
    found = fate_of(account, event_id)
    assert found is not None
    return found


def only(account: Account, event_id: str) -> Fate:
    (fate,) = told(account, event_id).fates
    return fate


def test_an_event_that_waits_for_routing(account: Account, subscription: Subscription) -> None:
    (event_id,) = publish([on_port(443)], account=account).event_ids

    assert only(account, event_id).state == State.NOT_ROUTED


def test_filtered_events_and_filter_errors_are_told_apart(
    account: Account, subscription: Subscription, carry: Carry, datadog: FakeDatadog
) -> None:
    ids = publish([on_port(443), on_port(80), make_event(object={"conn": {}})], account=account).event_ids
    carry(account)

    states = [only(account, event_id).state for event_id in ids]

    assert states == [State.DELIVERED, State.FILTERED, State.FILTER_ERROR]
    assert only(account, ids[1]).revision == 1


def test_an_event_of_a_type_that_was_not_subscribed_to(
    account: Account, subscription: Subscription, carry: Carry, datadog: FakeDatadog
) -> None:
    alone = publish([make_event(AUDIT)], account=account).event_ids[0]
    mixed = publish([make_event(TCP), on_port(80)], account=account).event_ids
    carry(account)
    update_subscription(subscription=subscription, actor=SYSTEM, sources=[ON_443, SourceSpec(TCP)])

    assert only(account, alone).state == State.NOT_SUBSCRIBED
    assert [only(account, event_id).state for event_id in mixed] == [State.NOT_SUBSCRIBED, State.FILTERED]


def test_a_subscription_made_later_has_no_say(account: Account, subscription: Subscription) -> None:
    (event_id,) = publish([on_port(80)], account=account).event_ids
    route_account(account.pk)
    make_subscription(account)

    assert [fate.subscription for fate in told(account, event_id).fates] == [subscription.pk]


def test_a_broken_filter_leaves_its_type_undecided_and_others_decided(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    subscription = make_subscription(account, destination, sources=[ON_443, SourceSpec(TCP)])
    Source.objects.filter(subscription=subscription, event_type=HTTP).update(filter="ev.(")
    account.touch_configuration()
    ids = publish([on_port(443), make_event(TCP)], account=account).event_ids
    carry(account)

    assert [only(account, event_id).state for event_id in ids] == [State.UNDECIDED, State.DELIVERED]


def test_a_delivered_event_names_its_attempt(
    account: Account, subscription: Subscription, datadog: FakeDatadog, carry: Carry
) -> None:
    datadog.answers = [answer(503), answer(202, **{"DD-Request-Id": "r-1"})]
    (event_id,) = publish([on_port(443)], account=account).event_ids
    carry(account)
    Destination.objects.update(retry_at=None)
    carry(account)

    fate = only(account, event_id)

    assert (fate.state, fate.code, fate.request_id) == (State.DELIVERED, "202", "r-1")
    assert [each.what for each in fate.history] == ["routed", "to be retried", "delivered"]
    assert fate.history[1].code == "503"


def test_each_record_of_a_partial_answer_has_its_own_fate(
    account: Account, subscription: Subscription, datadog: FakeDatadog, carry: Carry
) -> None:
    """Halving sends single records, so that each ends in a call of its own; positions count matched events only."""
    ids = publish([on_port(443), on_port(80), on_port(443), on_port(443)], account=account).event_ids

    def refuse_second(records: list[dict[str, str]]) -> Any:
        return answer(400 if ids[2] in [record["event_id"] for record in records] else 202)([])

    datadog.answers = [refuse_second] * 9
    carry(account)

    states = [only(account, event_id).state for event_id in ids]
    assert states == [State.DELIVERED, State.FILTERED, State.DEAD, State.DELIVERED]
    dead = only(account, ids[2])
    assert (dead.code, dead.history[-1].what) == ("400", "dead")
    assert [len(only(account, event_id).history) for event_id in (ids[0], ids[3])] == [3, 4]


def test_the_position_counts_over_the_batches_of_a_run(
    account: Account, subscription: Subscription, datadog: FakeDatadog
) -> None:
    batches = [publish([on_port(80), on_port(443), on_port(443)], account=account).event_ids for _ in range(3)]
    route_account(account.pk)
    assert Routing.objects.count() == 1
    datadog.answers = [answer(413), answer(202), answer(413), answer(413), answer(400), answer(202)]

    drain(subscription.destinations.get().pk)

    dead = DeadLetter.objects.get()
    for event_ids in batches:
        for event_id in event_ids[1:]:
            expected = State.DEAD if event_id == dead.event_id else State.DELIVERED
            assert only(account, event_id).state == expected


def test_held_waiting_and_discarded(
    account: Account, subscription: Subscription, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    (event_id,) = publish([on_port(443)], account=account).event_ids
    route_account(account.pk)
    assert only(account, event_id).state == State.WAITING

    pause_destination(destination=destination, user=None, actor=SYSTEM)
    held = only(account, event_id)
    assert (held.state, held.reason) == (State.HELD, "The destination is paused.")

    discard_waiting(owner=destination, actor=SYSTEM)
    discarded = only(account, event_id)
    assert (discarded.state, discarded.history[-1].what) == (State.DISCARDED, "discarded")


def test_a_moved_record_is_followed_to_where_it_went(
    account: Account, subscription: Subscription, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    datadog.answers = [answer(413), answer(202), answer(503)]
    ids = publish([on_port(443) for _ in range(4)], account=account).event_ids
    carry(account)
    other = make_destination(account, description="Other")
    resume(destination=destination, how=Resume.MOVE, to=other, actor=SYSTEM)
    datadog.answers = [answer(400), answer(400), answer(202)]
    carry(account)

    assert only(account, ids[0]).state == State.DELIVERED
    for event_id, expected in zip(ids[2:], (State.DEAD, State.DELIVERED), strict=True):
        states = {fate.destination: fate.state for fate in told(account, event_id).fates}
        assert states == {destination.pk: State.MOVED, other.pk: expected}


def test_a_replayed_dead_letter_is_delivered_with_its_story(
    account: Account, subscription: Subscription, datadog: FakeDatadog, carry: Carry
) -> None:
    datadog.answers = [answer(400)] * 3
    ids = publish([on_port(443), on_port(443)], account=account).event_ids
    carry(account)
    replay_dead_letters(dead_letters=DeadLetter.objects.all(), actor=SYSTEM)
    carry(account)

    fate = only(account, ids[1])

    assert fate.state == State.DELIVERED
    whats = [each.what for each in fate.history]
    assert whats == ["routed", "refused", "refused", "dead", "replayed", "delivered"]


def test_a_subscription_without_destinations_sends_nowhere(account: Account) -> None:
    make_subscription(account)
    (event_id,) = publish([make_event()], account=account).event_ids
    route_account(account.pk)

    assert only(account, event_id).state == State.NO_DESTINATION


def test_a_stranger_and_an_unknown_id_get_the_same(account: Account, subscription: Subscription) -> None:
    (event_id,) = publish([on_port(443)], account=account).event_ids

    assert fate_of(make_account(name="Other"), event_id) is None
    assert fate_of(account, new_id("ev")) is None
    assert fate_of(account, "ev_short") is None
    assert fate_of(account, subscription.pk) is None


def test_the_outcome_that_was_pruned_is_said_to_be(account: Account, subscription: Subscription) -> None:
    (event_id,) = publish([on_port(443)], account=account).event_ids
    EventBatch.objects.update(routed_at=timezone.now(), payload=None)

    assert only(account, event_id).state == State.PRUNED


def test_queries_do_not_grow_with_subscriptions_or_records(
    account: Account, datadog: FakeDatadog, carry: Carry, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        make_subscription(account, make_destination(account, description=str(number)))
    ids = publish([make_event() for _ in range(50)], account=account).event_ids
    carry(account)

    with django_assert_max_num_queries(9):
        assert {fate.state for fate in told(account, ids[30]).fates} == {State.DELIVERED}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="The plan is PostgreSQL's.")
def test_an_event_is_found_by_an_index(account: Account) -> None:
    ids = [publish([make_event()], account=account).event_ids[0] for _ in range(20)]
    with connection.cursor() as cursor:
        # So few rows would be read and sorted; of many the planner would not think so.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")

    query = EventBatch.objects.filter(account=account, first_event_id__lte=ids[7]).order_by("-first_event_id")[:1]

    plan = query.explain()
    assert "batch_by_event" in plan
    assert "Sort" not in plan
    batch = find_batch(account.pk, ids[7])
    assert batch is not None
    assert batch.first_event_id == ids[7]


def test_the_command_tells_it_in_words_and_as_json(
    account: Account, subscription: Subscription, datadog: FakeDatadog, carry: Carry
) -> None:
    (event_id,) = publish([on_port(443)], account=account).event_ids
    carry(account)
    words, plain = StringIO(), StringIO()

    call_command("fate", event_id, stdout=words)
    call_command("fate", event_id, json=True, stdout=plain)

    assert f"{subscription.pk}  {subscription.destinations.get().pk}  delivered  202" in words.getvalue()
    assert json.loads(plain.getvalue())["fates"][0]["state"] == "delivered"
    with pytest.raises(CommandError, match="There is no event"):
        call_command("fate", new_id("ev"))
    with pytest.raises(CommandError, match="not an event ID"):
        call_command("fate", "ev_1")
    assert Delivery.objects.count() == 1
