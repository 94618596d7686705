"""From an empty account to a delivered event, through the pages alone; and the page of components."""

import shlex
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account
from tests.browser.conftest import THEMES, WIDTHS, CheckPage, OpenPage
from tests.carrying import Carry, FakeDatadog
from tests.factories import HTTP

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RunJobs = Callable[..., None]


def make_a_destination(page: Page, run_jobs: RunJobs) -> None:
    page.get_by_role("link", name="Choose a target").click()
    page.get_by_role("link", name="Datadog").click()
    page.get_by_label("Name", exact=True).fill("Datadog EU")
    page.get_by_label("API key", exact=True).fill("0123456789abcdef0123456789abcdef")
    page.get_by_role("button", name="Save destination").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Datadog EU")
    page.get_by_role("button", name="Send test event").click()
    expect(page.locator("#test-run")).to_be_visible()
    run_jobs("interactive")
    expect(page.locator("#test-run")).to_have_attribute("data-run-state", "passed")


def compose(page: Page) -> None:
    page.get_by_role("link", name="Choose which events").click()
    page.fill("#description", "All requests")
    page.click("#add-sources")
    page.check(f"dialog [value='{HTTP}']")
    page.click("dialog [data-verb]")
    expect(page.locator("#sources")).to_contain_text(HTTP)
    page.click("#add-destinations")
    page.check("dialog [name=destination]")
    page.click("dialog [data-verb]")
    expect(page.locator("#destinations")).to_contain_text("Datadog EU")
    page.click(".page-actions [data-save]")
    expect(page.locator("h1")).to_have_text("All requests")


def make_a_key(page: Page) -> str:
    page.get_by_role("link", name="a key of the scope publish").click()
    page.get_by_label("Description").fill("First events")
    page.check("[name=scopes][value=publish]")
    page.get_by_role("button", name="Create API key").click()
    return page.locator("#token").inner_text()


def publish_by_the_command(page: Page, command: str, key: str) -> None:
    """What the page says to type, without needing curl."""
    words = shlex.split(command.replace("$KEY", key))
    headers = dict(words[index + 1].split(": ", 1) for index, word in enumerate(words) if word == "-H")
    answer = page.request.post(words[1], headers=headers, data=words[words.index("-d") + 1])
    assert answer.status == 202, answer.text()


@pytest.fixture
def _one_address(live_server: LiveServer, settings: Settings) -> None:
    settings.API_URL = f"{live_server.url}/api"


@pytest.mark.usefixtures("_one_address")
def test_an_empty_account_gets_to_a_delivered_event(
    open_page: OpenPage,
    run_jobs: RunJobs,
    carry: Carry,
    datadog: FakeDatadog,
    account: Account,
) -> None:
    page = open_page("/")
    make_a_destination(page, run_jobs)
    page.goto("/")
    compose(page)
    page.goto("/")
    expect(page.locator(".steps > .passed")).to_have_count(3)
    command = page.locator("#publish-text").inner_text()
    key = make_a_key(page)
    page.goto("/")
    tested = len(datadog.arrived)

    publish_by_the_command(page, command, key)
    carry(account)

    # The page asks by itself.
    expect(page.get_by_text("From an event to your log store")).to_have_count(0)
    expect(page.locator("#chart svg[role=img]")).to_have_attribute(
        "aria-label", "Records of the last 24 hours: 1 delivered, 0 waiting or held, 0 dead."
    )
    assert len(datadog.arrived) == tested + 1


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_in_the_components(
    open_page: OpenPage, check_page: CheckPage, account: Account, settings: Settings, theme: str, width: int
) -> None:
    settings.DEMO = True
    page = open_page("/design/", theme=theme, width=width)

    page.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = true))")

    check_page(page)
