"""Choosing one of very many: by keyboard with suggestions from the server, and without JavaScript.

The list of suggestions is the browser's own popup, which a headless Chromium (156) does not open: its arrow keys are
not tested, only that the suggestions are there and that a whole name is taken.
"""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.audit import Actor, record_change
from accounts.models import Account, Membership, Role, User
from destinations.models import Destination
from tests.browser.conftest import THEMES, WIDTHS, CheckPage, OpenPage
from tests.factories import make_destination, make_subscription

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def place(account: Account) -> Destination:
    """One of three hundred; it lies behind what is suggested at first."""
    place = make_destination(account, description="Warehouse")
    Destination.objects.bulk_create(
        Destination(account=account, target="datadog", description=f"Region {number:03}") for number in range(299)
    )
    make_subscription(account, place, description="Checkout")
    return place


def fill_the_rest(page: Page) -> None:
    page.get_by_label("Subscription").select_option(label="Checkout")
    now = timezone.localtime()
    for label, time in (("Accepted from", now - timedelta(hours=1)), ("Up to", now)):
        page.get_by_label(label).fill(f"{time:%Y-%m-%dT%H:%M}")


def choice_of(page: Page) -> Any:
    return page.get_by_role("combobox", name="To", exact=True)


def test_by_keyboard_the_server_suggests_and_the_name_stays(open_page: OpenPage, place: Destination) -> None:
    page = open_page("/replays/new/")
    fill_the_rest(page)
    options = page.locator("#id_destination-list option")
    expect(options).to_have_count(20)

    choice_of(page).focus()
    page.keyboard.type("wareh")
    expect(options).to_have_count(1)
    expect(options).to_have_attribute("value", "Warehouse")
    expect(page.locator("#say")).to_have_text("1 destination")
    page.keyboard.press("Control+a")
    page.keyboard.type("Warehouse")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("destination=Warehouse"))
    expect(choice_of(page)).to_have_value("Warehouse")
    expect(page.get_by_role("region", name="What will happen")).to_contain_text("0 records")


def test_without_javascript_a_part_of_the_name_brings_the_list(open_page: OpenPage, place: Destination) -> None:
    page = open_page("/replays/new/", script=False)
    fill_the_rest(page)
    choice_of(page).fill("wareh")
    page.get_by_role("button", name="Show what would happen").click()

    expect(page.locator("main")).to_contain_text("One destination has “wareh” in its name: choose it from the list.")
    offered = page.locator("#id_destination-list option")
    expect(offered).to_have_count(1)
    choice_of(page).fill(offered.get_attribute("value") or "")
    page.get_by_role("button", name="Show what would happen").click()

    expect(choice_of(page)).to_have_value("Warehouse")
    expect(page.get_by_role("region", name="What will happen")).to_contain_text("0 records")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_field_is_fit_for_everybody(
    open_page: OpenPage, check_page: CheckPage, place: Destination, theme: str, width: int
) -> None:
    for address in ("/replays/new/", "/deliveries/?destination=Warehouse"):
        check_page(open_page(address, theme=theme, width=width))


def test_the_list_of_deliveries_asks_only_for_a_whole_name(open_page: OpenPage, place: Destination) -> None:
    page = open_page("/deliveries/")
    choice = page.get_by_role("combobox", name="Destination")
    choice.focus()
    page.keyboard.type("Warehouse")
    expect(page.locator("#destination-list option")).to_have_count(1)
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("destination=Warehouse"))
    expect(page.get_by_text("destination: Warehouse").first).to_be_visible()
    page.reload()
    expect(choice).to_have_value("Warehouse")


@pytest.fixture
def many_accounts(owner: User) -> list[Account]:
    """Of which the owner of "Acme Edge" is a member too; numbered from 0."""
    made = Account.objects.bulk_create(Account(name=f"Customer {number:03}") for number in range(60))
    Membership.objects.bulk_create(Membership(account=each, user=owner, role=Role.VIEWER) for each in made)
    return made


def test_one_of_many_accounts_is_found_in_the_menu(
    open_page: OpenPage, check_page: CheckPage, many_accounts: list[Account]
) -> None:
    page = open_page("/settings/")
    page.locator(".account > summary").click()
    check_page(page)
    search = page.get_by_role("searchbox", name="Find an account by its name")
    search.focus()
    page.keyboard.type("mer 057")

    expect(page.locator("#own-accounts button")).to_have_count(1)
    expect(page.locator("#say")).to_have_text("1 account")
    expect(search).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.locator(".account > summary")).to_have_accessible_name("Account Customer 057")


@pytest.mark.parametrize("script", [True, False])
def test_one_of_many_accounts_is_found_on_a_page(
    open_page: OpenPage, check_page: CheckPage, many_accounts: list[Account], script: bool
) -> None:
    page = open_page("/settings/", width=390, script=script)
    page.locator(".account > summary").click()
    page.get_by_role("searchbox", name="Find an account by its name").fill("057")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"/account/choose/\?q=057"))
    found = page.locator("#accounts button")
    expect(found).to_have_count(1)
    if script:
        check_page(page)
    found.click()

    expect(page.locator(".account > summary")).to_have_accessible_name("Account Customer 057")


def test_who_acted_is_chosen_by_name(open_page: OpenPage, check_page: CheckPage, account: Account) -> None:
    people = User.objects.bulk_create(
        User(email=f"person{number:03}@acme.example", name=f"Person {number:03}") for number in range(60)
    )
    for each in people:
        record_change(
            account=account, actor=Actor.person(each), event_type="member_joined", object_id=each.pk, before=None,
            after={},
        )  # fmt: skip
    page = open_page("/settings/audit/")
    who = page.get_by_role("combobox", name="Who")
    who.focus()
    page.keyboard.type("057")
    expect(page.locator("#id_actor-list option")).to_have_count(1)
    page.keyboard.press("Control+a")
    page.keyboard.type("Person 057")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("actor=Person"))
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(who).to_have_value("Person 057")
    check_page(page)
