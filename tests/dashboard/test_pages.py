"""The overview, Find and Settings."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from django.templatetags.static import static
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, APIKey
from delivery.models import Delivery, Tally
from delivery.route import route_account
from destinations.models import Destination, TestRun
from destinations.testing import StepReport
from events.publishing import publish
from subscriptions.models import Subscription
from subscriptions.services import SourceSpec
from tests.carrying import Carry, FakeDatadog
from tests.factories import HTTP, make_api_key, make_destination, make_event, make_subscription

# Session, person and account in three; the tallies of an account are in two tables.
OVERVIEW_QUERIES = 16


def html_of(client: Client, page: str) -> str:
    response = client.get(page)
    assert response.status_code == 200
    return response.content.decode()


# Overview


def test_a_newcomer_is_led_from_a_destination_to_an_event(
    owner_client: Client, account: Account, datadog: FakeDatadog, carry: Carry
) -> None:
    assert reverse("destinations:choose_target") in html_of(owner_client, "/")
    place = make_destination(account)
    assert reverse("subscriptions:create") in html_of(owner_client, "/")
    make_subscription(account, place)
    assert "Waiting for the first event." in html_of(owner_client, "/")

    publish([make_event()], account=account)
    carry(account)

    assert "From an event to your log store" not in html_of(owner_client, "/")


def test_the_overview_counts_what_came_and_what_became_of_it(
    owner_client: Client, account: Account, datadog: FakeDatadog, carry: Carry
) -> None:
    make_subscription(account, make_destination(account), sources=[SourceSpec(HTTP, "ev.conn.server_port == 443")])
    other = make_event(object={"conn": {"server_port": 80}})
    publish([make_event(), make_event(), other], account=account)
    carry(account)

    for span in ("1h", "24h", "7d", "nonsense"):
        context = owner_client.get(f"/?range={span}").context
        assert context["events"] == 3
        assert (context["ledger"].matched, context["ledger"].filtered) == (2, 1)
        assert (context["chart"].delivered, context["chart"].waiting, context["chart"].dead) == (2, 0, 0)
    html = html_of(owner_client, "/")
    assert "Nothing needs you." in html
    assert "2 delivered, 0 waiting or held, 0 dead" in html
    assert "<table" in html_of(owner_client, "/?as=table")


def test_the_overview_counts_how_everything_stands(owner_client: Client, account: Account, held: Any) -> None:
    now = timezone.now()
    fields: dict[str, dict[str, Any]] = {
        "new": {},
        "idle": {"last_attempt_at": now - timedelta(days=2)},
        "busy": {"last_attempt_at": now},
        "lagging": {"last_attempt_at": now},
        "failing": {"consecutive_failures": 1, "last_attempt_at": now},
        "paused": {"state": "paused"},
        "gone": {"state": "blocked", "deleted_at": now},
    }
    places = {name: make_destination(account, description=name) for name in fields}
    for name in ("busy", "paused", "paused"):
        make_subscription(account, places[name])
    off = make_subscription(account, places["paused"])
    Subscription.objects.filter(pk=off.pk).update(state="off")
    held(places["busy"], 2, routed_at=now - timedelta(minutes=1))
    held(places["lagging"], 3, routed_at=now - timedelta(hours=1))
    for name, values in fields.items():
        Destination.objects.filter(pk=places[name].pk).update(**values)

    context = owner_client.get("/").context

    assert [(each.word, each.number) for each in context["by_standing"]] == [
        ("Lagging", 1), ("Retrying", 1), ("Paused", 1), ("Delivering", 1), ("Idle", 1), ("Nothing sent yet", 1),
    ]  # fmt: skip
    # One of its own was made for what lags.
    assert [(each.word, each.number) for each in context["by_condition"]] == [
        ("Held by destination", 2), ("Active", 2), ("Off", 1),
    ]  # fmt: skip
    assert (context["destinations"], context["subscriptions"], context["waiting"]) == (6, 5, 5)
    assert {item.word for item in context["items"]} == {"Lagging", "Retrying"}


def test_what_needs_somebody_comes_in_order_with_its_remedy(owner_client: Client, account: Account) -> None:
    failing = make_destination(account, description="Failing")
    blocked = make_destination(account, description="Blocked one")
    subscription = make_subscription(account, failing, blocked, description="Broken")
    places = Destination.objects.filter(account=account)
    places.filter(pk=failing.pk).update(consecutive_failures=2, error_message="Datadog is slow.")
    places.filter(pk=blocked.pk).update(state="blocked", error_message="Datadog refused the key.")
    publish([make_event()], account=account)
    route_account(account.pk)
    now = timezone.now()
    Tally.objects.create(
        account=account, minute=now, subscription=subscription, revision=1, event_type=HTTP, undecided=3
    )

    response = owner_client.get("/")

    items = [(item.word, item.name) for item in response.context["items"]]
    assert items == [("Blocked", "Blocked one"), ("Filter error", "Broken"), ("Retrying", "Failing")]
    html = response.content.decode()
    assert "Datadog refused the key. Held: 1 record, the first is lost in " in html
    assert "3 events are held until it is mended, the first for another " in html
    assert reverse("subscriptions:edit", args=[subscription.pk]) in html


def test_of_many_in_need_the_first_are_written_out_and_the_others_counted(
    owner_client: Client, account: Account
) -> None:
    places = [make_destination(account, description=f"Place {number:02}") for number in range(22)]
    unnamed = make_destination(account, description="")
    Destination.objects.filter(pk__in=[place.pk for place in places]).update(consecutive_failures=1)
    Destination.objects.filter(pk=unnamed.pk).update(state="blocked", error_message="The key is refused.")

    response = owner_client.get("/")

    names = [item.name for item in response.context["items"]]
    assert names == [unnamed.where, *(f"Place {number:02}" for number in range(19))]
    assert "The key is refused." in response.context["items"][0].text
    html = response.content.decode()
    assert 'Needs you <span class="count">23</span>' in html
    assert "and 3 more" in html


def test_records_that_are_soon_lost_are_named(owner_client: Client, account: Account) -> None:
    place = make_destination(account, description="Paused one")
    make_subscription(account, place)
    Destination.objects.filter(pk=place.pk).update(state="paused")
    publish([make_event()], account=account)
    route_account(account.pk)
    Delivery.objects.update(routed_at=timezone.now() - timedelta(days=6))

    (item,) = owner_client.get("/").context["items"]

    assert (item.word, item.name) == ("Records expire", "Paused one")


def test_credentials_that_end_and_checks_that_fail_come_with_their_remedy(
    owner_client: Client, account: Account
) -> None:
    today = timezone.localdate()
    ended = make_destination(account, description="Ended")
    ending = make_destination(account, description="Ending")
    idle = make_destination(account, description="Idle")
    places = Destination.objects.filter(account=account)
    places.filter(pk=ended.pk).update(credentials_expire_on=today - timedelta(days=2))
    places.filter(pk=ending.pk).update(credentials_expire_on=today + timedelta(days=7))
    check = TestRun.objects.create(
        account=account,
        destination=idle,
        target=idle.target,
        purpose=TestRun.Purpose.CHECK,
        state=TestRun.State.FAILED,
        record=b"{}",
        steps=[asdict(StepReport("Sign in", "failed", said="Forbidden", remedy="Set a new key."))],
    )

    response = owner_client.get("/")

    items = [(item.word, item.name) for item in response.context["items"]]
    assert items == [("Credentials ended", "Ended"), ("Check failed", "Idle"), ("Credentials end", "Ending")]
    html = response.content.decode()
    assert "Sign in failed: Forbidden Set a new key." in html
    assert "The credentials of Ending end in 7 days" in html
    for remedy in (
        reverse("destinations:test_run", args=[check.pk]),
        reverse("destinations:credentials", args=[ended.pk]),
        reverse("destinations:credentials", args=[ending.pk]),
    ):
        assert f'href="{remedy}"' in html


def test_a_page_that_names_no_icon_gets_one(client: Client) -> None:
    answer = client.get("/favicon.ico")

    assert answer.headers["Location"] == static("favicon.svg")


def test_the_overview_polls_a_piece_of_itself(owner_client: Client, account: Account) -> None:
    make_destination(account)

    headers = {"HX-Request": "true", "HX-Trigger": "overview"}
    piece = owner_client.get("/?range=1h", headers=headers).content.decode()

    assert piece.lstrip().startswith('<div class="stack" id="overview" hx-get="/?range=1h"')
    assert "#say" not in piece


def test_another_time_is_told_to_who_does_not_see_the_chart(owner_client: Client, account: Account) -> None:
    place = make_destination(account)

    for page in ("/", f"/destinations/{place.pk}/"):
        chosen = owner_client.get(f"{page}?range=1h", headers={"HX-Request": "true", "HX-Trigger": "range-1h"})
        assert '<div hx-swap-oob="innerHTML:#say">No records in the last hour.</div>' in chosen.content.decode()


def test_the_overview_costs_the_same_with_more_of_everything(
    owner_client: Client, account: Account, django_assert_num_queries: Callable[[int], object]
) -> None:
    for number in range(6):
        make_subscription(account, make_destination(account, description=str(number)))

    with django_assert_num_queries(OVERVIEW_QUERIES):  # type: ignore[attr-defined]
        owner_client.get("/")


# Find


def test_an_id_leads_to_its_page(owner_client: Client, account: Account) -> None:
    place = make_destination(account)
    subscription = make_subscription(account, place)
    make_api_key(account)
    event = publish([make_event(), make_event()], account=account).event_ids[1]

    for pk, page in [
        (event, reverse("delivery:event", args=[event])),
        (subscription.pk, reverse("subscriptions:detail", args=[subscription.pk])),
        (place.pk, reverse("delivery:destination", args=[place.pk])),
        (APIKey.objects.get().pk, reverse("accounts:api_keys")),
    ]:
        assert owner_client.get("/find/", {"q": f" {pk} "}).headers["Location"] == page


def test_a_foreign_id_is_as_missing_as_a_missing_one(stranger_client: Client, account: Account) -> None:
    foreign = make_destination(account).pk
    event = publish([make_event()], account=account).event_ids[0]

    for pk in (foreign, "ed_" + "0" * 27, event, "ev_" + "z" * 27):
        assert f"Nothing in this account has the ID {pk}." in html_of(stranger_client, f"/find/?q={pk}")


def test_a_part_of_a_name_finds_what_is_called_so(owner_client: Client, account: Account) -> None:
    make_subscription(account, make_destination(account, description="Requests to Kinesis"), description="requests")

    html = html_of(owner_client, "/find/?q=Request")

    for shown in ("requests", "Requests to Kinesis", HTTP):
        assert shown in html


def test_nothing_found_says_so(owner_client: Client) -> None:
    assert "Nothing here is called “zzz”." in html_of(owner_client, "/find/?q=zzz")
    assert "Nothing here is called" not in html_of(owner_client, "/find/")


# Settings


def test_settings_show_the_account_its_retention_and_the_way_to_its_keys(
    owner_client: Client, viewer_client: Client, account: Account
) -> None:
    html = html_of(owner_client, "/settings/")

    for shown in (account.name, account.external_id, "7 days", reverse("accounts:api_keys")):
        assert shown in html
    assert reverse("accounts:api_keys") not in html_of(viewer_client, "/settings/")


@pytest.mark.parametrize("page", ["/", "/find/", "/settings/"])
def test_pages_need_a_person_and_a_get(client: Client, owner_client: Client, page: str) -> None:
    assert client.get(page).headers["Location"] == f"/sign-in/?next={page}"
    assert owner_client.post(page).status_code == 405
