"""Choosing fields, sources and destinations in a browser."""

import pytest
from playwright.sync_api import expect

from accounts.models import Account
from tests.browser.composing import NEW, SLUG
from tests.browser.conftest import CheckPage, OpenPage
from tests.factories import make_destination

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_fields_are_picked_by_search_group_and_preset(open_page: OpenPage, account: Account) -> None:
    page = open_page(NEW)
    count = page.locator(f"#{SLUG}-count")

    page.click(f"#{SLUG}-preset-none")
    expect(count).to_have_text("0 of 35")
    expect(page.locator(f"#{SLUG}-fields-error")).to_contain_text("Choose at least one field, or take all 35.")
    page.fill("[data-search]", "tls")
    expect(page.locator(f"#{SLUG}-tree .leaf:visible")).to_have_count(4)
    page.check(f"#{SLUG}-tls-all")
    expect(count).to_have_text("2 of 35")
    page.fill("[data-search]", "tsl")
    expect(page.locator(f"#{SLUG}-tree .none")).to_be_visible()
    page.click("text=Clear search")
    expect(page.locator(f"#{SLUG}-tree .leaf:visible")).to_have_count(35)
    page.click(f"#{SLUG}-preset-access_log")

    expect(count).to_have_text("12 of 35")


def test_sources_and_destinations_are_picked_in_dialogs(
    open_page: OpenPage, account: Account, check_page: CheckPage
) -> None:
    make_destination(account, description="Datadog EU")
    page = open_page("/subscriptions/new/")

    page.click("#add-sources")
    page.wait_for_url("**/subscriptions/drafts/dr_*/")
    page.locator("dialog [data-filter]").fill("ip policies")
    check_page(page)
    page.locator("dialog .group:visible [data-all]").first.check()
    page.click("dialog [data-verb]")
    expect(page.locator("#sources")).to_contain_text("Audit: IP policies")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("#add-sources")).to_be_focused()
    page.click("#add-destinations")
    page.check("dialog [name=destination]")
    page.fill("#pick-search", "splunk")
    expect(page.locator("#say")).to_contain_text("1 destination")
    expect(page.locator("dialog [name=destination]:checked")).to_have_count(1)
    check_page(page)
    page.click("text=Add 1 destination")

    expect(page.locator("#destinations")).to_contain_text("Datadog EU")
    page.reload()
    expect(page.locator("#destinations")).to_contain_text("Datadog EU")
