"""The list of subscriptions, and acting on several at once."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from events.publishing import publish
from subscriptions.models import Subscription
from subscriptions.services import SourceSpec
from tests.carrying import Carry, FakeDatadog
from tests.factories import AUDIT, HTTP, make_destination, make_event, make_subscription
from tests.subscriptions.pages import LIST, html_of

# Session, person and account in three; the rest is the page.
LIST_QUERIES = 11


def test_the_list_shows_what_is_subscribed_and_where_it_goes(owner_client: Client, subscription: Subscription) -> None:
    html = html_of(owner_client, LIST)

    for shown in ("Checkout", HTTP, AUDIT, "Datadog EU", "Active", "never"):
        assert shown in html


def test_of_many_destinations_three_are_named(owner_client: Client, account: Account) -> None:
    places = [make_destination(account, description=f"Place {number}") for number in range(5)]
    subscription = make_subscription(account, *places)

    html = html_of(owner_client, LIST)

    assert html.count("Place ") == 3
    assert f'<a href="{reverse("subscriptions:detail", args=[subscription.pk])}">+ 2 more</a>' in html


def test_an_empty_list_teaches(owner_client: Client, viewer_client: Client) -> None:
    assert reverse("subscriptions:create") in html_of(owner_client, LIST)
    assert reverse("subscriptions:create") not in html_of(viewer_client, LIST)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Audit trail", "Checkout"]),
        ("?q=check", ["Checkout"]),
        ("?state=paused", ["Audit trail"]),
        ("?state=nonsense", ["Audit trail", "Checkout"]),
        ("?q=check&state=paused", []),
        ("?sort=-name", ["Checkout", "Audit trail"]),
        ("?sort=state", ["Checkout", "Audit trail"]),
        ("?sort=nonsense&page=x", ["Audit trail", "Checkout"]),
    ],
)
def test_the_list_is_searched_filtered_and_sorted(
    owner_client: Client, account: Account, subscription: Subscription, query: str, names: list[str]
) -> None:
    paused = make_subscription(account, description="Audit trail")
    Subscription.objects.filter(pk=paused.pk).update(state="paused")

    rows = owner_client.get(LIST + query).context["rows"]

    assert [row.subscription.name for row in rows] == names


def test_the_list_sorts_by_what_matched_and_what_was_delivered(
    owner_client: Client, account: Account, datadog: FakeDatadog, carry: Carry
) -> None:
    place = make_destination(account)
    make_subscription(account, place, description="Audit", sources=[SourceSpec(AUDIT)])
    make_subscription(account, place, description="Requests")
    publish([make_event(), make_event()], account=account)
    carry(account)

    for sort in ("-matched", "-delivered"):
        rows = owner_client.get(f"{LIST}?sort={sort}").context["rows"]
        assert [(row.subscription.name, row.figures.matched) for row in rows] == [("Requests", 2), ("Audit", 0)]
    assert rows[0].subscription.last_delivered is not None


def test_a_search_by_htmx_gets_only_the_table(owner_client: Client, subscription: Subscription) -> None:
    response = owner_client.get(LIST, headers={"HX-Request": "true"})

    assert "Checkout" in response.content.decode()
    assert "<html" not in response.content.decode()
    assert "HX-Request" in response.headers["Vary"]


def test_a_stopped_destination_shows_in_the_list(owner_client: Client, subscription: Subscription) -> None:
    subscription.destinations.update(state="blocked")

    assert "Datadog EU is blocked. Records are held, not lost." in html_of(owner_client, LIST)


def test_the_list_of_another_account_stays_its_own(stranger_client: Client, subscription: Subscription) -> None:
    assert "Checkout" not in html_of(stranger_client, LIST)


def test_the_number_of_queries_does_not_grow_with_the_list(
    owner_client: Client, account: Account, django_assert_num_queries: Callable[[int], object]
) -> None:
    place = make_destination(account)
    for number in range(2):
        make_subscription(account, place, description=f"Number {number}")
    with django_assert_num_queries(LIST_QUERIES):  # type: ignore[attr-defined]
        owner_client.get(LIST)

    for number in range(8):
        make_subscription(account, place, make_destination(account, description=str(number)))

    with django_assert_num_queries(LIST_QUERIES):  # type: ignore[attr-defined]
        owner_client.get(LIST)


def test_ticked_ones_are_paused_and_resumed_together(owner_client: Client, account: Account) -> None:
    place = make_destination(account)
    ticked = [make_subscription(account, place, description=name).pk for name in ("One", "Two")]
    make_subscription(account, place, description="Three")

    paused = owner_client.post("/subscriptions/change/", {"act": "pause", "pk": ticked}, follow=True)
    assert "2 subscriptions paused" in paused.content.decode()
    assert sorted(Subscription.objects.values_list("description", "state")) == [
        ("One", "paused"),
        ("Three", "active"),
        ("Two", "paused"),
    ]

    resumed = owner_client.post("/subscriptions/change/", {"act": "resume", "pk": [ticked[0]]}, follow=True)
    assert "1 subscription active" in resumed.content.decode()
    again = owner_client.post("/subscriptions/change/", {"act": "resume", "pk": ticked}, follow=True)
    assert "1 of the 2 ticked were not paused." in again.content.decode()
    again = owner_client.post("/subscriptions/change/", {"act": "resume", "pk": ticked, "query": "q=o"}, follow=True)
    assert "Nothing was changed: the ticked ones are not paused." in again.content.decode()
    assert again.redirect_chain == [("/subscriptions/?q=o", 302)]
    again = owner_client.post("/subscriptions/change/", {"act": "pause"}, follow=True)
    assert "Nothing was changed: tick the subscriptions first." in again.content.decode()


def test_several_at_once_only_by_those_who_may(
    owner_client: Client, viewer_client: Client, stranger_client: Client, subscription: Subscription
) -> None:
    data = {"act": "pause", "pk": [subscription.pk]}

    assert viewer_client.post("/subscriptions/change/", data).status_code == 403
    stranger_client.post("/subscriptions/change/", data)
    owner_client.post("/subscriptions/change/", {**data, "act": "nonsense"})

    subscription.refresh_from_db()
    assert subscription.state == "active"
    assert owner_client.get("/subscriptions/change/").status_code == 405
