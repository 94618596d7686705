"""Resuming, emptying and deleting a destination: what becomes of what it holds is asked with the count."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from delivery.models import DeadLetter, Delivery
from destinations.models import Destination
from tests.factories import make_account, make_destination


@pytest.fixture
def destination(account: Account, held: Any) -> Destination:
    """Paused, with five records waiting and no subscription left."""
    destination = make_destination(account)
    held(destination, 5)
    destination.subscriptions.clear()
    Destination.objects.filter(pk=destination.pk).update(state="paused")
    return destination


def page_of(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.parametrize("how", ["in_order", "newest_first"])
def test_resuming_sends_what_was_held(owner_client: Client, destination: Destination, how: str) -> None:
    assert "5 records wait" in page_of(owner_client.get(f"/destinations/{destination.pk}/resume/"))

    owner_client.post(f"/destinations/{destination.pk}/resume/", {"how": how})

    destination.refresh_from_db()
    assert (destination.state, destination.newest_first) == ("active", how == "newest_first")
    assert Delivery.objects.waiting().count() == 1


def test_skipping_to_now_discards_what_was_held(owner_client: Client, destination: Destination) -> None:
    response = owner_client.post(f"/destinations/{destination.pk}/resume/", {"how": "skip"}, follow=True)

    assert "5 held records are discarded" in page_of(response)
    assert Delivery.objects.get().discarded_count == 5


def test_what_was_held_goes_to_another_destination(
    owner_client: Client, account: Account, destination: Destination
) -> None:
    other = make_destination(account, description="Other")

    data = {"how": "move", "to": other.pk}
    response = owner_client.post(f"/destinations/{destination.pk}/resume/", data, follow=True)

    assert "5 held records go to Other." in page_of(response)
    assert Delivery.objects.waiting().get().destination == other


@pytest.mark.parametrize("choice", [{"how": "move"}, {"how": "move", "to": "ed_foreign"}, {"how": "backwards"}])
def test_a_choice_that_makes_no_sense_is_refused_and_kept(
    owner_client: Client, destination: Destination, choice: dict[str, str]
) -> None:
    foreign = make_destination(make_account(name="Foreign"))
    if "to" in choice:
        choice = {**choice, "to": foreign.pk}

    response = owner_client.post(f"/destinations/{destination.pk}/resume/", choice)

    assert response.status_code == 422
    assert 'role="alert"' in page_of(response)
    destination.refresh_from_db()
    assert destination.state == "paused"
    assert not Delivery.objects.filter(destination=foreign).exists()


def test_deleting_what_holds_records_asks_for_the_name(owner_client: Client, destination: Destination) -> None:
    address = f"/destinations/{destination.pk}/delete/"
    assert "5 records wait in it" in page_of(owner_client.get(address))

    refused = owner_client.post(address, {"name": "Datadog", "leftover": "discard"})

    assert refused.status_code == 422
    assert "is not its name" in page_of(refused)
    assert Destination.objects.existing().filter(pk=destination.pk).exists()


@pytest.mark.parametrize(("leftover", "letters", "discarded"), [("dead_letters", 5, 0), ("discard", 0, 5)])
def test_deleting_settles_what_waits(
    owner_client: Client, destination: Destination, leftover: str, letters: int, discarded: int
) -> None:
    data = {"name": "Datadog EU", "leftover": leftover}

    response = owner_client.post(f"/destinations/{destination.pk}/delete/", data)

    assert response.headers["Location"] == "/destinations/"
    assert DeadLetter.objects.count() == letters
    assert Delivery.objects.get().discarded_count == discarded


def test_deleting_moves_what_waits_only_to_a_destination_of_the_account(
    owner_client: Client, account: Account, destination: Destination
) -> None:
    foreign = make_destination(make_account(name="Foreign"))
    other = make_destination(account, description="Other")
    data = {"name": "Datadog EU", "leftover": "move", "to": foreign.pk}

    assert owner_client.post(f"/destinations/{destination.pk}/delete/", data).status_code == 422
    owner_client.post(f"/destinations/{destination.pk}/delete/", {**data, "to": other.pk})

    assert Delivery.objects.waiting().get().destination == other


@pytest.mark.parametrize("act", ["resume", "discard", "delete"])
def test_viewers_and_strangers_decide_nothing(
    viewer_client: Client, stranger_client: Client, client: Client, destination: Destination, act: str
) -> None:
    address = f"/destinations/{destination.pk}/{act}/"

    assert [viewer_client.post(address).status_code, viewer_client.get(address).status_code] == [403, 403]
    assert [stranger_client.post(address).status_code, stranger_client.get(address).status_code] == [404, 404]
    assert client.get(address).status_code == 302
    assert Delivery.objects.waiting().count() == 1
