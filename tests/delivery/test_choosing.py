"""Choosing one of many subscriptions or destinations by its name."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account, User
from common.choice import FEW, SUGGESTED, NotChosenError
from delivery.choosing import destinations_to_choose, subscriptions_to_choose
from delivery.models import Delivery
from destinations.models import Destination
from events.publishing import publish
from subscriptions.models import Subscription
from tests.carrying import Carry, FakeDatadog
from tests.factories import BACKEND, make_account, make_destination, make_event, make_subscription

ONE: dict[str, Any] = {"revision": 1, "routed_at": timezone.now(), "count": 1, "bytes": 2, "payload": b"{}"}
HTMX = {"HX-Request": "true"}


def add_places(account: Account, count: int = FEW + 1, name: str = "Place") -> list[Destination]:
    """Named by their number, from 0."""
    rows = [
        Destination(account=account, target="datadog", description=f"{name} {number:03}") for number in range(count)
    ]
    return Destination.objects.bulk_create(rows)


def suggested(client: Client, text: str, kind: str = "destinations") -> list[str]:
    response = client.get(f"/choices/{kind}/", {"of": "to", "to": text})
    assert response.status_code == 200
    return [unescape(part.split('"')[0]) for part in response.content.decode().split('<option value="')[1:]]


def text_of(response: Any) -> str:
    return unescape(str(response.content.decode()))


def test_suggestions_are_found_by_a_part_of_the_name_by_the_service_and_by_id(
    owner_client: Client, account: Account
) -> None:
    places = add_places(account)
    make_subscription(account, description="Checkout on 443")

    assert suggested(owner_client, "ACE 04") == [f"Place 04{number}" for number in range(10)]
    assert suggested(owner_client, "datadog") == [f"Place 0{number:02}" for number in range(SUGGESTED)]
    assert suggested(owner_client, places[7].pk) == ["Place 007"]
    assert suggested(owner_client, "443", "subscriptions") == ["Checkout on 443"]
    assert suggested(owner_client, "nothing like it") == []


def test_how_many_there_are_is_announced(owner_client: Client, account: Account) -> None:
    add_places(account)

    many = text_of(owner_client.get("/choices/destinations/", {"of": "to", "to": "place"}))
    one = text_of(owner_client.get("/choices/destinations/", {"of": "to", "to": "place 050"}))

    assert f"{FEW + 1} destinations; the first {SUGGESTED} are listed: type on</div>" in many
    assert "1 destination</div>" in one


def test_deleted_ones_and_those_of_other_accounts_are_never_suggested(
    owner_client: Client, account: Account, stranger: User
) -> None:
    foreign = make_destination(make_account(name="Foreign"), description="Place of others")
    make_destination(account, description="Place of ours")
    gone = make_destination(account, description="Place that is gone")
    Destination.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())

    assert suggested(owner_client, "Place") == ["Place of ours"]
    assert suggested(owner_client, foreign.pk) == []
    for text in (foreign.pk, foreign.description, gone.pk, gone.description):
        with pytest.raises(NotChosenError):
            destinations_to_choose(account).find(text)


def test_a_viewer_may_look_and_who_is_signed_out_may_not(viewer: User, account: Account, client: Client) -> None:
    make_destination(account, description="Ours")
    assert client.get("/choices/destinations/").status_code == 302

    client.force_login(viewer, backend=BACKEND)
    assert suggested(client, "ours") == ["Ours"]


def test_names_are_escaped(owner_client: Client, account: Account) -> None:
    name = '"><script>alert(1)</script>'
    make_destination(account, description=name)

    response = owner_client.get("/choices/destinations/", {"of": "to", "to": "script"})

    assert "<script>" not in response.content.decode()
    assert name in text_of(response)


def test_what_is_suggested_stands_for_that_one_object_whatever_it_is_called(account: Account) -> None:
    twins = [make_destination(account, description="Twin") for _ in range(2)]
    names = ["", "  spaced ", "two\nlines", "Alone", "percent %_", f"Twin ({twins[0].pk})", twins[1].pk, "x" * 255]
    places = [*twins, *(make_destination(account, description=name) for name in names)]
    choosing = destinations_to_choose(account)

    suggestions, count = choosing.suggest("")
    found = [choosing.find(each.value) for each in suggestions]

    assert count == len(places) == len(suggestions)
    assert sorted(each.pk for each in found) == sorted(place.pk for place in places)
    assert "Alone" in {each.value for each in suggestions}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Place", "51 destinations have “Place” in their names: choose one from the list."),
        ("Place 05", "One destination has “Place 05” in its name: choose it from the list."),
        ("Nowhere", "No destination has “Nowhere” in its name."),
    ],
)
def test_a_part_of_a_name_chooses_nothing_and_says_why(account: Account, text: str, words: str) -> None:
    add_places(account)

    with pytest.raises(NotChosenError, match=words):
        destinations_to_choose(account).find(text)


def test_few_are_a_select_and_many_a_text_field(owner_client: Client, account: Account) -> None:
    add_places(account, FEW)
    few = text_of(owner_client.get("/deliveries/"))
    assert '<select id="destination" name="destination">' in few

    make_destination(account)
    many = text_of(owner_client.get("/deliveries/"))

    assert '<input id="destination" name="destination" type="search" list="destination-list"' in many
    assert '<select id="subscription" name="subscription">' in many
    assert many.count("<option") < FEW


def replay_of(**fields: str) -> dict[str, str]:
    now = timezone.localtime()
    times = {"start": now - timedelta(hours=1), "end": now}
    return {**{name: f"{time:%Y-%m-%dT%H:%M}" for name, time in times.items()}, "events_per_second": "500", **fields}


def test_a_replay_is_previewed_by_names_and_started_by_ids(owner_client: Client, account: Account) -> None:
    places = add_places(account)
    subscription = make_subscription(account, places[3], description="Checkout")
    asked = replay_of(subscription=subscription.pk, destination="Place 003", preview="1")

    response = owner_client.get("/replays/new/", asked)

    assert response.status_code == 200
    form = response.context["form"]
    assert form.cleaned_data["destination"] == places[3]
    assert f'value="{places[3].pk}"' in form["destination"].as_hidden()
    assert 'value="Place 003" maxlength' in text_of(response)


def test_a_refused_replay_comes_back_with_what_was_meant_to_choose_from(owner_client: Client, account: Account) -> None:
    places = add_places(account)
    subscription = make_subscription(account, places[3], description="Checkout")

    response = owner_client.get(
        "/replays/new/", replay_of(subscription=subscription.pk, destination="place 04", preview="1")
    )

    assert response.status_code == 422
    page = text_of(response)
    assert "10 destinations have “place 04” in their names: choose one from the list." in page
    assert 'value="place 04" maxlength' in page
    assert '<option value="Place 049">' in page
    assert '<option value="Place 050">' not in page


def test_deliveries_are_filtered_by_name_and_a_vague_one_is_said(owner_client: Client, account: Account) -> None:
    places = add_places(account)
    subscription = make_subscription(account, places[0], description="Checkout")
    for place in places[:2]:
        Delivery.objects.create(account=account, subscription=subscription, destination=place, **ONE)

    exact = owner_client.get("/deliveries/", {"destination": "Place 001"}, headers=HTMX)
    vague = owner_client.get("/deliveries/", {"destination": "Place 00"}, headers=HTMX)

    assert [row.destination_id for row in exact.context["page"].rows] == [places[1].pk]
    assert "10 destinations have “Place 00” in their names" in text_of(vague)


@pytest.mark.parametrize(("text", "error"), [("Place 050", ""), ("Place 05", "One destination has “Place 05”")])
def test_held_records_move_only_to_the_destination_that_is_named(
    owner_client: Client, account: Account, datadog: FakeDatadog, carry: Carry, text: str, error: str
) -> None:
    places = add_places(account)
    own = make_destination(account, description="Held here")
    make_subscription(account, own)
    Destination.objects.filter(pk=own.pk).update(state=Destination.State.PAUSED)
    publish([make_event()], account=account)
    carry(account)
    held = Delivery.objects.get(destination=own)

    response = owner_client.post(f"/destinations/{own.pk}/resume/", {"how": "move", "to": text})

    moved = Delivery.objects.filter(parent=held, destination=places[50])
    assert response.status_code == (422 if error else 302)
    assert moved.exists() == (not error)
    if error:
        assert error in text_of(response)


def test_it_takes_as_many_queries_for_a_hundred_as_for_a_thousand(owner_client: Client, account: Account) -> None:
    counts = []
    for name in ("Early", "Later"):
        add_places(account, 500, name)
        Subscription.objects.bulk_create(
            Subscription(account=account, description=f"{name} {number}") for number in range(500)
        )
        for address in ("/choices/destinations/", "/replays/new/", "/deliveries/"):
            with CaptureQueriesContext(connection) as queries:
                owner_client.get(address)
            counts.append((address, len(queries)))

    assert counts[:3] == counts[3:]
    assert dict(counts)["/choices/destinations/"] <= 6
    assert subscriptions_to_choose(account).suggest("")[1] == 1000
