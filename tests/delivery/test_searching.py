"""Finding deliveries by what a person chose or pasted."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Account
from delivery.models import Attempt, AttemptPart, Delivery, Routing
from delivery.searching import STATES, add_next_times, by_day, find_deliveries, read_search
from destinations.models import Destination
from events.publishing import publish
from subscriptions.models import Subscription
from tests.carrying import Carry, FakeDatadog
from tests.factories import make_event, make_subscription

HTMX = {"HX-Request": "true"}


def found(account: Account, **query: str) -> set[int]:
    return set(find_deliveries(account, read_search(query, account)).values_list("pk", flat=True))


def test_each_state_finds_its_own(account: Account, destination: Destination, held: Any) -> None:
    made = {
        "waiting": held(destination, 1),
        "retrying": held(destination, 1, attempts=2),
        "delivered": held(destination, 1, state="delivered", delivered_count=1),
        "refused": held(destination, 2, state="delivered", delivered_count=1, dead_count=1),
        "dead": held(destination, 1, state="dead", dead_count=1),
        "discarded": held(destination, 1, state="discarded", discarded_count=1),
        "moved": held(destination, 1, state="moved", moved_count=1),
    }
    pks = {name: delivery.pk for name, delivery in made.items()}

    assert {state: found(account, state=state) for state in STATES} == {
        "waiting": {pks["waiting"], pks["retrying"]},
        "held": set(),
        "retrying": {pks["retrying"]},
        "delivered": {pks["delivered"], pks["refused"]},
        "refused": {pks["refused"], pks["dead"]},
        "dead": {pks["dead"]},
        "discarded": {pks["discarded"]},
        "moved": {pks["moved"]},
    }


@pytest.mark.parametrize("stopped", ["destination", "subscription"])
def test_what_waits_for_something_stopped_is_held(
    account: Account, destination: Destination, held: Any, stopped: str
) -> None:
    delivery = held(destination, 1, attempts=1)
    model = Destination if stopped == "destination" else Subscription
    model.objects.update(state="paused")

    assert found(account, state="held") == {delivery.pk}
    assert found(account, state="retrying") == set()


def test_times_are_the_persons_and_the_end_is_not_included(
    account: Account, destination: Destination, held: Any
) -> None:
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    early, late = held(destination, 1, routed_at=noon), held(destination, 1, routed_at=noon + timedelta(hours=1))

    with timezone.override("Europe/Berlin"):
        start = timezone.localtime(noon).strftime("%Y-%m-%dT%H:%M")
        end = timezone.localtime(late.routed_at).strftime("%Y-%m-%dT%H:%M")
        assert found(account, **{"from": start, "to": end}) == {early.pk}
        assert found(account, **{"from": end}) == {late.pk}


def test_a_stretch_of_time_lies_between_runs_that_are_far_from_it(
    account: Account, destination: Destination, held: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)
    runs = []
    for hours in range(0, 25, 3):
        at = noon + timedelta(hours=hours)
        run = Routing.objects.create(account=account, configuration_version=1, routed_at=at, batches=1, events=1)
        # A second one that was moved then, and belongs to no run.
        runs.append((at, {held(destination, 1, routed_at=at, routing=run).pk, held(destination, 1, routed_at=at).pk}))

    for start, end in ((6, 12), (0, 24), (7, 8), (21, 48), (-48, 4)):
        first, last = noon + timedelta(hours=start), noon + timedelta(hours=end)
        wanted = {pk for at, pks in runs if first <= at < last for pk in pks}
        search = read_search({"from": first.isoformat(), "to": last.isoformat()}, account)
        assert set(find_deliveries(account, search).values_list("pk", flat=True)) == wanted
    keys = str(
        find_deliveries(
            account, read_search({"from": runs[3][0].isoformat(), "to": runs[5][0].isoformat()}, account)
        ).query
    )
    assert f'."id" > {max(runs[2][1])}' not in keys
    assert f'."id" > {min(runs[2][1])}' in keys
    assert f'."id" < {min(runs[6][1])}' in keys


def test_what_waits_is_paged_as_everything_else(
    owner_client: Client, destination: Destination, held: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.views.PAGE_SIZE", 2)
    pks = [held(destination, 1).pk for _ in range(5)]
    held(destination, 1, state="delivered", delivered_count=1)
    address = reverse("delivery:deliveries") + "?state=waiting"

    newest = owner_client.get(address).context["page"]
    older = owner_client.get(f"{address}&before={pks[3]}").context["page"]
    newer = owner_client.get(f"{address}&after={pks[2]}").context["page"]

    assert [row.pk for row in newest.rows] == [pks[4], pks[3]]
    assert (bool(newest.newer), bool(newest.older)) == (False, True)
    assert [row.pk for row in older.rows] == [pks[2], pks[1]]
    assert (bool(older.newer), bool(older.older)) == (True, True)
    assert [row.pk for row in newer.rows] == [pks[4], pks[3]]


@pytest.mark.parametrize("value", ["yesterday", "2026-13-45T00:00", "2026-02-30T10:00"])
def test_a_time_that_is_none_is_said_and_left_out(
    owner_client: Client, destination: Destination, held: Any, value: str
) -> None:
    held(destination, 1)

    response = owner_client.get("/deliveries/", {"from": value})

    assert "is not a time such as" in response.content.decode()
    assert len(response.context["page"].rows) == 1


def test_a_delivery_is_found_by_its_number(account: Account, destination: Destination, held: Any) -> None:
    delivery, _ = held(destination, 1), held(destination, 1)

    assert found(account, q=str(delivery.pk)) == {delivery.pk}
    assert found(account, q="9" * 40) == set()


def test_deliveries_are_found_by_the_id_that_a_service_gave(
    account: Account, destination: Destination, held: Any
) -> None:
    delivery, _ = held(destination, 1), held(destination, 1)
    attempt = Attempt.objects.create(
        destination=destination,
        destination_revision=1,
        started_at=timezone.now(),
        duration_ms=1,
        outcome="retry",
        request_id="6f1c0e52-aa",
        records=1,
        bytes=1,
    )
    AttemptPart.objects.create(attempt=attempt, delivery=delivery, first=0, last=0)

    assert found(account, q="6f1c0e52-aa") == {delivery.pk}


def test_deliveries_are_found_by_an_event(
    account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry
) -> None:
    make_subscription(account, destination)
    wanted, other = (publish([make_event()], account=account).event_ids[0] for _ in range(2))
    carry(account)
    assert Delivery.objects.exists()

    assert found(account, q=wanted) >= set(Delivery.objects.values_list("pk", flat=True)[:1])
    assert found(account, q="ev_" + "0" * 27) == set()
    assert other != wanted


def test_another_accounts_deliveries_are_never_found(
    stranger_client: Client, destination: Destination, held: Any
) -> None:
    delivery = held(destination, 1)

    for query in ({}, {"q": str(delivery.pk)}, {"destination": destination.pk}):
        assert stranger_client.get("/deliveries/", query).context["page"].rows == []
    assert stranger_client.get(f"/destinations/{destination.pk}/deliveries/").status_code == 404


def test_the_next_attempt_is_no_sooner_than_its_destination_allows(
    account: Account, destination: Destination, held: Any
) -> None:
    retry_at = timezone.now() + timedelta(minutes=3)
    Destination.objects.update(state="blocked", retry_at=retry_at)
    waiting, settled = held(destination, 1), held(destination, 1, state="dead", dead_count=1)
    rows = list(find_deliveries(account, read_search({}, account)))

    add_next_times(rows)

    assert {row.pk: row.next_at for row in rows} == {waiting.pk: retry_at, settled.pk: None}  # type: ignore[attr-defined]


def test_deliveries_stand_under_their_local_day(account: Account, destination: Destination, held: Any) -> None:
    late = timezone.now().replace(hour=23, minute=30) - timedelta(days=2)
    held(destination, 1, routed_at=late)
    held(destination, 1, routed_at=late + timedelta(hours=1))
    rows = list(find_deliveries(account, read_search({}, account)).order_by("-pk"))

    with timezone.override("UTC"):
        assert [len(group) for _, group in by_day(rows)] == [1, 1]
    with timezone.override("Asia/Tokyo"):
        assert [len(group) for _, group in by_day(rows)] == [2]


def test_filters_are_named_and_can_be_taken_away(owner_client: Client, destination: Destination, held: Any) -> None:
    delivery = held(destination, 1)
    query = {"state": "waiting", "destination": destination.pk, "subscription": delivery.subscription_id}

    chips = dict(owner_client.get("/deliveries/", query).context["chips"])

    assert set(chips) == {"state: Waiting, in all", "destination: Datadog EU", "subscription: Requests"}
    assert "destination" not in chips["destination: Datadog EU"]
    own = owner_client.get(f"/destinations/{destination.pk}/deliveries/")
    assert own.context["chips"] == []


def test_the_tail_answers_nothing_new_until_something_changes(
    owner_client: Client, destination: Destination, held: Any
) -> None:
    delivery = held(destination, 1)
    version = owner_client.get("/deliveries/?tail=1").context["version"]
    address = f"/deliveries/?tail=1&version={version}"
    assert owner_client.get(address, headers=HTMX).status_code == 204

    Delivery.objects.filter(pk=delivery.pk).update(attempts=1)

    assert owner_client.get(address, headers=HTMX).status_code == 200


def test_retrying_all_alike_asks_with_the_count_first(
    owner_client: Client, viewer_client: Client, stranger_client: Client, destination: Destination, held: Any
) -> None:
    first, _ = held(destination, 3), held(destination, 4)
    address = f"/deliveries/{first.pk}/retry_alike/"
    assert "Retry 2 waiting deliveries with 7 records" in owner_client.get(address).content.decode()
    assert [viewer_client.post(address).status_code, stranger_client.post(address).status_code] == [403, 404]

    response = owner_client.post(address, follow=True)

    assert "2 deliveries queued for retry." in response.content.decode()


@pytest.mark.parametrize(
    ("address", "most"),
    [
        ("/deliveries/", 8),
        ("/deliveries/?state=held", 9),
        ("/destinations/{}/deliveries/", 11),
        ("/destinations/{}/", 15),
        ("/destinations/{}/dead-letters/", 9),
    ],
)
def test_pages_cost_the_same_for_one_and_for_fifty(
    owner_client: Client,
    destination: Destination,
    held: Any,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    address: str,
    most: int,
) -> None:
    Destination.objects.update(state="blocked")
    for _ in range(55):
        held(destination, 1)

    with django_assert_max_num_queries(most):
        owner_client.get(address.format(destination.pk))
