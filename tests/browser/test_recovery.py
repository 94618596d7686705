"""What people do when something went wrong: find an event's fate, read why, send dead letters again."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from accounts.models import Account
from delivery.models import DeadLetter
from events.publishing import publish
from subscriptions.services import SourceSpec
from tests.browser.conftest import THEMES, OpenPage
from tests.carrying import FakeDatadog, answer
from tests.factories import HTTP, make_destination, make_event, make_subscription

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REFUSED = answer(400, '{"errors": [{"detail": "Payload is not valid"}]}')
RunJobs = Callable[..., None]


@pytest.fixture
def refused(account: Account, datadog: FakeDatadog, run_jobs: RunJobs) -> str:
    """The ID of an event that Datadog refused for good; it takes the next one."""
    make_subscription(account, make_destination(account))
    datadog.answers = [REFUSED]
    event_id = publish([make_event()], account=account).event_ids[0]
    run_jobs(*settings.QUEUE_NAMES)
    return event_id


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [1280, 390])
def test_an_events_fate_is_found_by_its_id_with_the_clause_that_refused_it(
    open_page: OpenPage, run_jobs: RunJobs, account: Account, datadog: FakeDatadog, theme: str, width: int
) -> None:
    place = make_destination(account)
    make_subscription(account, place, description="Everything")
    make_subscription(
        account, place, description="Port 80 only", sources=[SourceSpec(HTTP, "ev.conn.server_port == 80")]
    )
    event_id = publish([make_event()], account=account).event_ids[0]
    run_jobs(*settings.QUEUE_NAMES)
    page = open_page("/", theme=theme, width=width)

    find(page, event_id)

    expect(page).to_have_url(re.compile(f"/events/{event_id}/$"))
    expect(row_of(page, "Everything")).to_contain_text("Delivered")
    refused = row_of(page, "Port 80 only")
    expect(refused).to_contain_text("Filtered")
    expect(refused).to_contain_text("ev.conn.server_port == 80")
    expect(page.locator("#payload")).to_contain_text("api.acme.app")

    row_of(page, "Everything").get_by_role("link", name=re.compile("^Delivery")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Delivery")


def test_an_unknown_id_says_so_and_keeps_what_was_typed(open_page: OpenPage) -> None:
    missing = "ev_" + "0" * 27
    page = open_page("/")

    find(page, missing)

    expect(page.get_by_text(f"Nothing in this account has the ID {missing}.")).to_be_visible()
    expect(page.locator("main").get_by_role("searchbox")).to_have_value(missing)


def test_dead_letters_are_read_and_sent_again(
    open_page: OpenPage, run_jobs: RunJobs, refused: str, datadog: FakeDatadog
) -> None:
    page = open_page("/")
    page.get_by_role("link", name=re.compile("Dead letters")).first.click()
    expect(page.locator("main")).to_contain_text("Datadog can't read the entry.")

    page.get_by_role("link", name="Send again…").click()
    expect(page.locator("main")).to_contain_text("Send 1 dead letter again?")
    page.locator("main").get_by_role("button", name="Send 1 again").click()
    expect(page.locator("main")).to_contain_text("1 record is sent again.")
    run_jobs(*settings.QUEUE_NAMES)

    page.goto(f"/events/{refused}/")
    expect(row_of(page, "Requests")).to_contain_text("Delivered")
    assert datadog.event_ids == [refused]
    assert DeadLetter.objects.get().replayed_as is not None


def test_dead_letters_are_sent_again_with_the_keyboard_alone(
    open_page: OpenPage, run_jobs: RunJobs, refused: str, datadog: FakeDatadog
) -> None:
    page = open_page("/dead-letters/")
    press(page, page.get_by_role("link", name="Send again…"))
    press(page, page.locator("main").get_by_role("button", name="Send 1 again"))
    expect(page.locator("#say, .message").get_by_text("record").first).to_be_visible()
    run_jobs(*settings.QUEUE_NAMES)

    assert datadog.event_ids == [refused]


def test_past_events_are_replayed_without_javascript(
    open_page: OpenPage, run_jobs: RunJobs, refused: str, datadog: FakeDatadog
) -> None:
    page = open_page(f"/events/{refused}/", script=False)
    page.get_by_role("link", name="Replay…").click()
    page.get_by_label("Subscription").select_option(label="Requests")
    page.get_by_label("To", exact=True).select_option(label="Datadog EU")
    page.get_by_role("button", name="Show what would happen").click()
    page.get_by_role("button", name="Replay 1 record").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Replay")
    run_jobs(*settings.QUEUE_NAMES)
    page.reload()

    expect(page.locator("main")).to_contain_text("Done")
    assert datadog.event_ids == [refused]


def find(page: Page, text: str) -> None:
    """By the bar's own field, which the key / reaches; below 1,200 px it is in the menu."""
    menu = page.locator("details.bar-menu > summary")
    if menu.is_visible():
        menu.click()
    field = page.get_by_label("Find an ID or a name").locator("visible=true")
    field.fill(text)
    field.press("Enter")


def row_of(page: Page, name: str) -> Any:
    return page.locator("main tr").filter(has=page.get_by_role("link", name=name, exact=True))


def press(page: Page, wanted: Any) -> None:
    """Reach it by Tab, then press Enter."""
    expect(wanted).to_be_visible()
    for _ in range(60):
        if wanted.evaluate("element => element === document.activeElement"):
            page.keyboard.press("Enter")
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached by Tab.")
