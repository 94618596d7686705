"""The list of destinations."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Account
from destinations.models import Destination
from tests.destinations.pages import HTMX, text
from tests.factories import make_destination, make_subscription


def test_the_list_says_where_each_destination_points_and_how_it_stands(owner_client: Client, account: Account) -> None:
    used, _ = make_destination(account, description="Used"), make_destination(account, description="A first one")
    make_subscription(account, used)

    page = text(owner_client.get("/destinations/"))

    assert page.index("A first one") < page.index(used.pk)
    assert used.where in page
    assert "Nothing sent yet" in page
    assert "1 subscription<" in page


def test_the_list_shows_what_waits(owner_client: Client, account: Account, held: Any) -> None:
    destination = make_destination(account)
    held(destination, 7)

    row = owner_client.get("/destinations/").context["rows"][0]

    assert row.backlog.waiting == 7
    assert row.standing.word == "Lagging"


def test_the_list_is_searched_by_name_kind_and_id(owner_client: Client, account: Account) -> None:
    siem, _ = make_destination(account, description="Traffic to SIEM"), make_destination(account, description="Other")

    for query, expected in [("siem", ["Traffic to SIEM"]), ("DATADOG", ["Other", "Traffic to SIEM"]), (siem.pk, None)]:
        rows = owner_client.get("/destinations/", {"q": query}).context["rows"]
        assert [row.destination.name for row in rows] == (expected or ["Traffic to SIEM"])


@pytest.mark.parametrize("state", ["active", "retrying", "paused", "blocked"])
def test_the_list_is_filtered_by_state(owner_client: Client, account: Account, state: str) -> None:
    make_destination(account, description="active")
    retrying = make_destination(account, description="retrying")
    Destination.objects.filter(pk=retrying.pk).update(consecutive_failures=2)
    for stopped in ("paused", "blocked"):
        Destination.objects.filter(pk=make_destination(account, description=stopped).pk).update(state=stopped)

    rows = owner_client.get("/destinations/", {"state": state}).context["rows"]

    assert [row.destination.description for row in rows] == [state]


def test_nothing_found_offers_to_clear_the_search(owner_client: Client, destination: Destination) -> None:
    page = text(owner_client.get("/destinations/?q=<b>none"))

    assert "No destination matches" in page
    assert "Clear filters" in page
    assert "<b>none" not in page


def test_the_empty_list_teaches_only_those_who_can_act(owner_client: Client, viewer_client: Client) -> None:
    assert 'href="/destinations/new/"' in text(owner_client.get("/destinations/"))
    assert 'href="/destinations/new/"' not in text(viewer_client.get("/destinations/"))


def test_strangers_destinations_are_not_listed(stranger_client: Client, destination: Destination) -> None:
    assert destination.pk not in text(stranger_client.get("/destinations/"))


def test_htmx_gets_the_rows_alone(owner_client: Client, destination: Destination) -> None:
    response = owner_client.get("/destinations/", headers=HTMX)

    assert "<html" not in text(response)
    assert "HX-Request" in response.headers["Vary"]


def test_the_list_costs_the_same_for_one_and_for_fifty(
    owner_client: Client, account: Account, held: Any, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(55):
        destination = make_destination(account, description=f"Destination {number:02}")
        held(destination, 1)

    with django_assert_max_num_queries(8):
        response = owner_client.get("/destinations/")

    assert len(response.context["rows"]) == 50
    assert "page=2" in text(response)
