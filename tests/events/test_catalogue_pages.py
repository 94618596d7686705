import html
import json
import re

import pytest
from django.test import Client
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from accounts.models import Account
from events.catalog import catalog, families
from tests.factories import HTTP

HTMX = {"HX-Request": "true"}


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def found(html: str) -> list[str]:
    return re.findall(r'href="/catalogue/([a-z_]+\.v\d+)/">', html)


def test_catalogue_lists_every_event_type_below_its_family(owner_client: Client) -> None:
    text = page(owner_client, "/catalogue/")

    assert found(text) == list(catalog())
    assert all(family in text for family in families())


def test_catalogue_is_open_to_viewers(viewer_client: Client) -> None:
    assert found(page(viewer_client, "/catalogue/")) == list(catalog())


@pytest.mark.parametrize("address", ["/catalogue/", f"/catalogue/{HTTP}/"])
def test_catalogue_needs_a_person_and_takes_no_post(client: Client, owner_client: Client, address: str) -> None:
    assert client.get(address).headers["Location"] == f"/sign-in/?next={address}"
    assert owner_client.post(address).status_code == 405


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("HTTP request", [HTTP]),
        ("http_request_complete", [HTTP]),
        ("  request   HTTP ", [HTTP]),
        ("http.response.status_code", [HTTP]),
    ],
)
def test_search_goes_over_names_titles_and_fields(owner_client: Client, query: str, expected: list[str]) -> None:
    assert found(page(owner_client, f"/catalogue/?q={query}")) == expected


def test_a_type_found_by_its_field_names_the_field(owner_client: Client) -> None:
    assert f"/catalogue/{HTTP}/#conn.client_ip" in page(owner_client, "/catalogue/?q=client_ip")


def test_a_family_narrows_the_search(owner_client: Client) -> None:
    text = page(owner_client, "/catalogue/?family=Vaults")

    assert found(text) == [event_type.name for event_type in families()["Vaults"]]


def test_a_mistyped_name_gets_a_suggestion(owner_client: Client) -> None:
    text = page(owner_client, "/catalogue/?q=http_request_compleet.v0")

    assert f'Did you mean <a href="/catalogue/{HTTP}/">' in text


def test_what_is_searched_comes_back_escaped(owner_client: Client) -> None:
    text = page(owner_client, "/catalogue/?q=<script>alert(1)</script>&family=<b>")

    assert "<script>alert" not in text
    assert "Clear filters" in text


def test_htmx_gets_the_results_alone(owner_client: Client) -> None:
    response = owner_client.get("/catalogue/?q=vault", headers=HTMX)

    assert b"<html" not in response.content
    assert b'hx-swap-oob="innerHTML:#say"' in response.content
    assert "HX-Request" in response.headers["Vary"]


@pytest.mark.parametrize("name", list(catalog()))
def test_every_event_type_has_a_page_with_its_fields(owner_client: Client, name: str) -> None:
    text = page(owner_client, f"/catalogue/{name}/")

    event_type = catalog()[name]
    assert escape(event_type.description) in text
    assert all(f'id="{field.path}"' in text for field in event_type.fields)


def test_an_event_type_shows_a_whole_example_to_copy(owner_client: Client, account: Account) -> None:
    response = owner_client.get(f"/catalogue/{HTTP}/")

    assert response.context["example"] == catalog()[HTTP].example_event(account.pk)
    text = re.search(r'<pre id="example-text" hidden>(.*?)</pre>', response.content.decode(), re.DOTALL)
    assert text is not None
    assert json.loads(html.unescape(text[1])) == response.context["example"]
    assert "<del>" not in response.content.decode()


def test_fields_are_found_without_javascript(owner_client: Client) -> None:
    response = owner_client.get(f"/catalogue/{HTTP}/?q=client_ip")

    assert [field.path for field in response.context["fields"]] == ["conn.client_ip"]


def test_nothing_found_says_so(owner_client: Client) -> None:
    assert "No field has this in its name, type or meaning." in page(owner_client, f"/catalogue/{HTTP}/?q=zzz")


def test_those_who_may_edit_can_subscribe_from_here(owner_client: Client, viewer_client: Client) -> None:
    link = f'href="/subscriptions/new/?type={HTTP}"'

    assert link in page(owner_client, f"/catalogue/{HTTP}/")
    assert link not in page(viewer_client, f"/catalogue/{HTTP}/")


@pytest.mark.parametrize("name", ["nothing.v0", "http_request_complete", "http_request_complete.v9"])
def test_an_unknown_event_type_is_not_found(owner_client: Client, name: str) -> None:
    assert owner_client.get(f"/catalogue/{name}/").status_code == 404


def test_pages_ask_the_database_only_who_is_there(
    owner_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    # And how many dead letters there are.
    with django_assert_max_num_queries(4):
        owner_client.get("/catalogue/")
