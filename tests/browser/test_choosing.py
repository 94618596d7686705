"""Choosing one of very many destinations: by keyboard with suggestions from the server, and without JavaScript."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Account
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
