"""Choosing sources and destinations for a draft."""

from django.test import Client
from django.urls import reverse

from accounts.models import Account
from destinations.models import Destination
from subscriptions.models import Draft
from tests.factories import make_account, make_destination
from tests.subscriptions.composing import HTMX, NEW, composed, drafted, html_of


def test_a_whole_family_is_added_at_once(owner_client: Client, place: Destination) -> None:
    pk = drafted(owner_client, place)
    page = reverse("subscriptions:pick_sources", args=[pk])
    family = ["ip_policy_created.v0", "ip_policy_updated.v0", "ip_policy_deleted.v0"]
    assert "ip_policy_updated.v0" in html_of(owner_client.get(page))

    response = owner_client.post(page, {"type": [*family, "nonsense"]}, follow=True)

    assert "all 3 types, whole" in html_of(response)


def test_the_picker_is_a_dialog_by_htmx_and_then_gives_the_form_back(owner_client: Client, place: Destination) -> None:
    pk = drafted(owner_client, place)
    page = reverse("subscriptions:pick_sources", args=[pk])

    dialog = owner_client.get(page, headers=HTMX)
    assert "<html" not in html_of(dialog)
    assert dialog.headers["HX-Replace-Url"] == reverse("subscriptions:draft", args=[pk])

    response = owner_client.post(page, {"type": ["tcp_connection_closed.v0"]}, headers=HTMX)
    assert 'id="composer"' in html_of(response)
    assert "tcp_connection_closed.v0" in html_of(response)


def test_pressing_add_keeps_the_draft_first(owner_client: Client, place: Destination) -> None:
    data = composed(place, act="pick_destinations")

    response = owner_client.post(NEW, data)

    assert response.headers["Location"] == reverse("subscriptions:pick_destinations", args=[data["draft"]])
    assert Draft.objects.get().content["description"] == "Checkout"


def test_only_own_destinations_can_be_chosen(owner_client: Client, account: Account, place: Destination) -> None:
    foreign = make_destination(make_account(name="Other"), description="Not theirs")
    pk = drafted(owner_client, place)
    page = reverse("subscriptions:pick_destinations", args=[pk])
    assert "Not theirs" not in html_of(owner_client.get(page))
    other = make_destination(account, description="Second")

    owner_client.post(page, {"destination": [foreign.pk, other.pk]})

    assert Draft.objects.get().content["destinations"] == [place.pk, other.pk]


def test_the_picker_searches_on_the_server_and_keeps_what_is_ticked(
    owner_client: Client, account: Account, place: Destination
) -> None:
    for number in range(55):
        make_destination(account, description=f"Store {number:02}")
    last = make_destination(account, description="Zagreb")
    draft = Draft.objects.create(account=account)
    page = f"/subscriptions/drafts/{draft.pk}/destinations/"

    first = owner_client.get(page)
    found = owner_client.get(page, {"q": "zagr", "destination": [place.pk]})
    none = html_of(owner_client.get(page, {"q": "nowhere"}))

    assert len(first.context["places"]) == 50
    assert "7 more: type on." in html_of(first)
    assert found.context["places"] == [place, last]
    assert f'value="{place.pk}" checked' in html_of(found)
    assert "No destination has “nowhere” in its name." in none
    assert len(owner_client.get(page, {"q": "Datadog"}).context["places"]) == 50


def test_a_destination_is_made_in_the_middle_of_composing(owner_client: Client, place: Destination) -> None:
    pk = drafted(owner_client, place)
    page = reverse("subscriptions:new_destination", args=[pk, "datadog"])
    assert "New Datadog destination" in html_of(owner_client.get(page))
    fields = {"target-site": "datadoghq.eu", "target-api_key": "0123456789abcdef0123456789abcdef"}

    refused = owner_client.post(page, {"description": "", **fields})
    assert "New Datadog destination" in html_of(refused, 422)
    response = owner_client.post(page, {"description": "Made in between", **fields}, follow=True)

    assert "Made in between" in html_of(response)
    assert len(Draft.objects.get().content["destinations"]) == 2
    assert owner_client.get(reverse("subscriptions:new_destination", args=[pk, "pigeon"])).status_code == 404


def test_a_destination_over_the_limit_is_refused_with_what_was_typed(
    owner_client: Client, account: Account, place: Destination
) -> None:
    page = reverse("subscriptions:new_destination", args=[drafted(owner_client, place), "datadog"])
    account.max_destinations = 1
    account.save()

    response = owner_client.post(
        page, {"description": "Second", "target-site": "datadoghq.eu", "target-api_key": "a" * 32}
    )

    assert "its limit" in html_of(response, 422)
    assert 'value="Second"' in html_of(response, 422)
