"""The list, one subscription, stopping and deleting it."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from delivery.models import Delivery
from delivery.route import route_account
from events.publishing import publish
from subscriptions.models import Subscription
from subscriptions.services import SourceSpec
from tests.carrying import FakeDatadog
from tests.factories import AUDIT, HTTP, make_account, make_destination, make_event, make_subscription

LIST = "/subscriptions/"
# Session, person and account in three; the rest is the page.
LIST_QUERIES = 10
ONE_QUERIES = 15
TOKEN = re.compile(r"[A-Za-z0-9]{64}")
PORT_443 = "ev.conn.server_port == 443"


@pytest.fixture
def subscription(account: Account) -> Subscription:
    sources = [SourceSpec(HTTP, PORT_443, ["conn.server_name"]), SourceSpec(AUDIT)]
    return make_subscription(account, make_destination(account), description="Checkout", sources=sources)


def address(name: str, subscription: Subscription) -> str:
    return reverse(f"subscriptions:{name}", args=[subscription.pk])


def html_of(client: Client, page: str) -> str:
    response = client.get(page)
    assert response.status_code == 200
    return response.content.decode()


# The list


def test_the_list_shows_what_is_subscribed_and_where_it_goes(owner_client: Client, subscription: Subscription) -> None:
    html = html_of(owner_client, LIST)

    for shown in ("Checkout", HTTP, AUDIT, "Datadog EU", "Active", "never"):
        assert shown in html


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
    owner_client: Client, account: Account, datadog: FakeDatadog, carry: Callable[[Account], None]
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


# One of them


def test_its_page_shows_filter_fields_and_state(owner_client: Client, subscription: Subscription) -> None:
    html = html_of(owner_client, address("detail", subscription))

    for shown in ("Checkout", PORT_443, "1 of 35 fields", AUDIT, "Datadog EU", subscription.pk):
        assert shown in html


def test_a_viewer_sees_it_without_the_acts(viewer_client: Client, subscription: Subscription) -> None:
    html = html_of(viewer_client, address("detail", subscription))

    assert "Checkout" in html
    assert address("edit", subscription) not in html
    assert address("pause", subscription) not in html


def test_pausing_holds_and_resuming_sends(owner_client: Client, subscription: Subscription) -> None:
    paused = owner_client.post(address("pause", subscription), follow=True).content.decode()
    assert "records are being held" in paused
    assert Subscription.objects.get().state == "paused"

    resumed = owner_client.post(address("resume", subscription), follow=True).content.decode()
    assert "Held records go out in order." in resumed
    assert Subscription.objects.get().state == "active"


def test_switching_off_says_first_that_nothing_is_captured(owner_client: Client, subscription: Subscription) -> None:
    page = address("switch_off", subscription)

    question = html_of(owner_client, page)
    assert "From now on its events are not captured and cannot be sent later" in question
    assert address("pause", subscription) in question

    answer = owner_client.post(page, follow=True).content.decode()
    assert "its events are not captured" in answer
    assert Subscription.objects.get().state == "off"


# Deleting


def test_deleting_asks_first(owner_client: Client, subscription: Subscription) -> None:
    assert "No records wait in it." in html_of(owner_client, address("delete", subscription))

    response = owner_client.post(address("delete", subscription), follow=True)

    assert "Checkout is deleted." in response.content.decode()
    assert owner_client.get(address("detail", subscription)).status_code == 404
    assert not Subscription.objects.existing().exists()


@pytest.fixture
def waiting(account: Account, subscription: Subscription) -> Delivery:
    publish([make_event(), make_event()], account=account)
    route_account(account.pk)
    return Delivery.objects.get()


def test_deleting_asks_what_becomes_of_what_waits(
    owner_client: Client, subscription: Subscription, waiting: Delivery
) -> None:
    html = html_of(owner_client, address("delete", subscription))

    assert "2 records still wait in it. What becomes of them?" in html


@pytest.mark.parametrize(("choice", "state"), [("send", "waiting"), ("discard", "discarded")])
def test_what_waits_is_sent_or_given_up(
    owner_client: Client, subscription: Subscription, waiting: Delivery, choice: str, state: str
) -> None:
    owner_client.post(address("delete", subscription), {"waiting": choice, "name": "Checkout"})

    waiting.refresh_from_db()
    assert waiting.state == state
    assert not Subscription.objects.existing().exists()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"waiting": "discard", "name": "Chekout"}, "“Chekout” is not its name. Type Checkout"),
        ({"waiting": "burn", "name": "Checkout"}, "Choose what becomes of the records that wait"),
        ({}, "Choose what becomes of the records that wait"),
    ],
)
def test_a_delete_without_a_clear_choice_is_refused_and_keeps_it(
    owner_client: Client, subscription: Subscription, waiting: Delivery, data: dict[str, str], reason: str
) -> None:
    response = owner_client.post(address("delete", subscription), data)

    assert response.status_code == 422
    assert reason in response.content.decode()
    assert f'value="{data.get("name", "")}"' in response.content.decode()
    assert Subscription.objects.existing().exists()


# Who may not


@pytest.mark.parametrize("name", ["edit", "pause", "resume", "switch_off", "delete"])
def test_a_viewer_changes_nothing(viewer_client: Client, subscription: Subscription, name: str) -> None:
    response = viewer_client.post(address(name, subscription))

    assert response.status_code == 403
    assert "This needs the role Editor" in response.content.decode()
    subscription.refresh_from_db()
    assert (subscription.state, subscription.revision, subscription.deleted_at) == ("active", 1, None)


@pytest.mark.parametrize("name", ["detail", "edit", "switch_off", "delete"])
def test_a_stranger_gets_the_page_of_a_missing_one(
    stranger_client: Client, subscription: Subscription, name: str
) -> None:
    pages = [address(name, subscription), reverse(f"subscriptions:{name}", args=["esb_" + "0" * 27])]
    answers = [stranger_client.get(page) for page in pages]

    assert [answer.status_code for answer in answers] == [404, 404]
    foreign, missing = (
        without_address(answer.content.decode(), page) for answer, page in zip(answers, pages, strict=True)
    )
    assert foreign == missing


def without_address(html: str, page: str) -> str:
    """The page without what differs between any two requests: its own address and the tokens."""
    return TOKEN.sub("", html).replace(page, "")


@pytest.mark.parametrize("name", ["pause", "resume", "switch_off", "delete", "edit"])
def test_a_stranger_changes_nothing(stranger_client: Client, subscription: Subscription, name: str) -> None:
    assert stranger_client.post(address(name, subscription)).status_code == 404

    subscription.refresh_from_db()
    assert (subscription.state, subscription.revision) == ("active", 1)


@pytest.mark.parametrize("name", ["detail", "edit", "switch_off", "delete"])
def test_somebody_who_is_not_signed_in_signs_in_first(client: Client, subscription: Subscription, name: str) -> None:
    page = address(name, subscription)

    assert client.get(page).headers["Location"] == f"/sign-in/?next={page}"


def test_wrong_methods_are_refused(owner_client: Client, subscription: Subscription) -> None:
    assert owner_client.post(LIST).status_code == 405
    assert owner_client.post(address("detail", subscription)).status_code == 405
    assert owner_client.put(address("delete", subscription)).status_code == 405
    for name in ("pause", "resume"):
        assert owner_client.get(address(name, subscription)).status_code == 405


def test_names_from_others_are_shown_as_text(owner_client: Client, account: Account) -> None:
    make_subscription(account, make_destination(account), description="<script>alert(1)</script>")

    html = html_of(owner_client, LIST)

    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_a_foreign_destination_is_never_offered(owner_client: Client) -> None:
    make_destination(make_account(name="Other"), description="Not theirs")

    assert "Not theirs" not in html_of(owner_client, reverse("subscriptions:create"))


# Several at once


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


def test_the_page_of_one_adds_up(
    owner_client: Client, account: Account, datadog: FakeDatadog, carry: Callable[[Account], None]
) -> None:
    subscription = make_subscription(account, make_destination(account), sources=[SourceSpec(HTTP, PORT_443)])
    other = make_event(object={"conn": {"server_port": 80}})
    publish([make_event(), make_event(), other], account=account)
    carry(account)

    context = owner_client.get(address("detail", subscription)).context

    ledger = context["ledger"]
    assert (ledger.matched, ledger.filtered, ledger.total) == (2, 1, 3)
    assert [(each.delivered, each.waiting, each.dead) for each in context["places"]] == [(2, 0, 0)]


def test_the_page_of_one_costs_the_same_with_more_of_everything(
    owner_client: Client, account: Account, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    places = [make_destination(account, description=str(number)) for number in range(8)]
    subscription = make_subscription(account, *places, sources=[SourceSpec(HTTP), SourceSpec(AUDIT)])

    with django_assert_max_num_queries(ONE_QUERIES):  # type: ignore[attr-defined]
        owner_client.get(address("detail", subscription))
