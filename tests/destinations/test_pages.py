"""Pages of one destination: who may open and act, pausing and deleting."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, User
from destinations.models import Destination, TestRun
from tests.destinations.pages import DATADOG, text
from tests.factories import make_subscription

MISSING = "ed_" + "0" * 27


def _without_token(response: Any) -> str:
    return re.sub(r"[0-9A-Za-z]{64}", "", text(response))


PAGES = ["configuration", "delete"]
ACTS = ["send_test", "pause", "resume", "retry", "delete", "configuration"]


@pytest.mark.parametrize("page", PAGES)
def test_pages_of_a_destination_open_for_those_who_may_edit(
    owner_client: Client, destination: Destination, page: str
) -> None:
    assert owner_client.get(f"/destinations/{destination.pk}/{page}/").status_code == 200


@pytest.mark.parametrize("act", ACTS)
def test_a_viewer_may_not_change_a_destination(viewer_client: Client, destination: Destination, act: str) -> None:
    response = viewer_client.post(f"/destinations/{destination.pk}/{act}/", DATADOG)

    assert response.status_code == 403
    assert "Nothing was changed" in text(response)
    destination.refresh_from_db()
    assert (destination.state, destination.revision, destination.deleted_at) == ("active", 1, None)
    assert not TestRun.objects.exists()


@pytest.mark.parametrize("act", ACTS)
def test_a_foreign_destination_answers_as_a_missing_one(
    stranger_client: Client, destination: Destination, act: str
) -> None:
    foreign = stranger_client.post(f"/destinations/{destination.pk}/{act}/", DATADOG)
    missing = stranger_client.post(f"/destinations/{MISSING}/{act}/", DATADOG)

    assert foreign.status_code == missing.status_code == 404
    assert _without_token(foreign).replace(destination.pk, "") == _without_token(missing).replace(MISSING, "")


@pytest.mark.parametrize("address", ["/destinations/", "/destinations/new/", "/destinations/new/datadog/"])
def test_pages_send_nobody_to_sign_in(client: Client, db: None, address: str) -> None:
    assert client.get(address).headers["Location"] == f"/sign-in/?next={address}"


@pytest.mark.parametrize("act", ["send_test", "pause", "retry"])
def test_acts_are_posted(owner_client: Client, destination: Destination, act: str) -> None:
    assert owner_client.get(f"/destinations/{destination.pk}/{act}/").status_code == 405


@pytest.mark.parametrize("address", ["/destinations/", "/destinations/new/"])
def test_lists_take_no_post(owner_client: Client, address: str) -> None:
    assert owner_client.post(address).status_code == 405


def test_pausing_and_resuming(owner_client: Client, owner: User, destination: Destination) -> None:
    owner_client.post(f"/destinations/{destination.pk}/pause/")
    destination.refresh_from_db()
    assert (destination.state, destination.paused_by) == ("paused", owner)

    owner_client.post(f"/destinations/{destination.pk}/resume/")
    destination.refresh_from_db()
    assert (destination.state, destination.paused_by) == ("active", None)


def test_deleting_asks_first(owner_client: Client, destination: Destination) -> None:
    assert "Delete destination</button>" in text(owner_client.get(f"/destinations/{destination.pk}/delete/"))

    response = owner_client.post(f"/destinations/{destination.pk}/delete/")

    assert response.headers["Location"] == "/destinations/"
    assert owner_client.get(f"/destinations/{destination.pk}/").status_code == 404


def test_a_destination_in_use_names_its_subscriptions_instead(
    owner_client: Client, account: Account, destination: Destination
) -> None:
    make_subscription(account, destination, description="Checkout requests")

    page = text(owner_client.get(f"/destinations/{destination.pk}/delete/"))
    owner_client.post(f"/destinations/{destination.pk}/delete/")

    assert "Checkout requests" in page
    assert 'class="btn danger' not in page
    assert Destination.objects.existing().filter(pk=destination.pk).exists()
