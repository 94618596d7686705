"""One subscription on its page: stopping and deleting it, and who may not."""

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
from tests.carrying import Carry, FakeDatadog
from tests.factories import AUDIT, HTTP, PORT_443, make_account, make_destination, make_event, make_subscription
from tests.subscriptions.pages import LIST, address, html_of

ONE_QUERIES = 15
TOKEN = re.compile(r"[A-Za-z0-9]{64}")


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


def test_the_page_of_one_adds_up(owner_client: Client, account: Account, datadog: FakeDatadog, carry: Carry) -> None:
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
