"""Making, testing and mending destinations in a browser."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from accounts.models import Account
from destinations.models import Destination
from events.publishing import publish
from tests.browser.conftest import THEMES, WIDTHS, CheckPage, OpenPage
from tests.carrying import FakeDatadog, answer
from tests.factories import make_dead_letter, make_destination, make_event, make_subscription

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

KEY = "0123456789abcdef0123456789abcdef"
FORBIDDEN = answer(403, '{"errors": [{"detail": "Forbidden"}]}')
RunJobs = Callable[..., None]


def fill_form(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("Datadog EU")
    page.get_by_label("Site").select_option("datadoghq.eu")
    page.get_by_label("API key", exact=True).fill(KEY)


def test_a_failing_test_of_a_form_then_a_passing_one_then_saved(
    open_page: OpenPage, run_jobs: RunJobs, datadog: FakeDatadog, account: Account
) -> None:
    datadog.answers = [FORBIDDEN]
    page = open_page("/destinations/")
    page.get_by_role("link", name="New destination").first.click()
    page.get_by_role("link", name="Datadog").click()
    fill_form(page)

    page.get_by_role("button", name="Send test event").click()
    expect(page.locator("#test-run")).to_be_visible()
    run_jobs("interactive")

    expect(page.locator("#test-run")).to_have_attribute("data-run-state", "failed")
    expect(page.get_by_text("Forbidden").first).to_be_visible()
    expect(page.get_by_text("Remedy").first).to_be_visible()
    assert page.get_by_label("API key", exact=True).input_value() == KEY
    assert not Destination.objects.exists()

    page.get_by_role("button", name="Send test event").click()
    expect(page.locator("#test-run")).to_have_attribute("data-run-state", re.compile("queued|running"))
    run_jobs("interactive")
    expect(page.locator("#test-run")).to_have_attribute("data-run-state", "passed")
    expect(page.locator("#say")).to_contain_text("steps passed")

    page.get_by_role("button", name="Save destination").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Datadog EU")
    assert Destination.objects.get().secrets == {"api_key": KEY}


def test_a_blocked_destination_is_mended_and_sends_what_it_held(
    open_page: OpenPage, run_jobs: RunJobs, datadog: FakeDatadog, account: Account
) -> None:
    destination = make_destination(account)
    make_subscription(account, destination)
    datadog.answers = [FORBIDDEN]
    publish([make_event(), make_event()], account=account)
    run_jobs(*settings.QUEUE_NAMES)

    page = open_page(f"/destinations/{destination.pk}/")
    expect(page).to_have_title(re.compile("Blocked"))
    expect(page.locator("#alert")).to_contain_text("2 records are held, none lost")
    page.locator("#alert").get_by_role("link", name="Edit the configuration").click()
    page.get_by_label("API key", exact=True).fill(KEY[::-1])
    page.get_by_role("button", name="Save destination").click()
    expect(page.get_by_text("Records that wait go out with this configuration.")).to_be_visible()
    run_jobs(*settings.QUEUE_NAMES)

    # The page asks by itself every 10 s.
    expect(page.locator("#standing")).to_contain_text("Delivering", timeout=15_000)
    expect(page.locator("#alert")).to_have_count(0)
    assert len(datadog.arrived) == 2


def test_a_paused_destination_goes_on_after_a_choice(open_page: OpenPage, account: Account, held: Any) -> None:
    destination = make_destination(account)
    held(destination, 5)
    page = open_page(f"/destinations/{destination.pk}/")
    page.get_by_label("More acts").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#alert")).to_contain_text("Paused by olivia@acme.example. 5 records wait, none lost.")

    page.get_by_role("link", name="Resume…").click()
    page.get_by_label("Skip to now").check()
    expect(page.get_by_text("Discards 5 records for good.")).to_be_visible()
    page.get_by_role("button", name="Resume").click()

    expect(page.get_by_text("5 held records are discarded")).to_be_visible()
    expect(page.locator("#alert")).to_have_count(0)


def test_the_chart_changes_its_window_and_becomes_a_table_without_leaving(
    open_page: OpenPage, account: Account, held: Any
) -> None:
    destination = make_destination(account)
    held(destination, 5)
    page = open_page(f"/destinations/{destination.pk}/")

    page.get_by_role("link", name="7 d").click()
    expect(page).to_have_url(re.compile(r"range=7d"))
    page.get_by_role("link", name="Show as table").click()
    expect(page.locator("#chart table")).to_contain_text("5")

    page.reload()
    expect(page.locator("#chart table")).to_be_visible()
    page.go_back()
    expect(page.locator("#chart svg[role=img]")).to_be_visible()


def test_deliveries_are_narrowed_as_one_chooses(open_page: OpenPage, account: Account, held: Any) -> None:
    first, second = make_destination(account, description="First"), make_destination(account, description="Second")
    held(first, 1)
    held(second, 2)
    page = open_page("/deliveries/")
    expect(page.locator("#results tbody tr:not(.band)")).to_have_count(2)

    page.locator("main").get_by_label("Destination").select_option("First")

    expect(page.locator("#results tbody tr:not(.band)")).to_have_count(1)
    expect(page).to_have_url(re.compile(first.pk))
    page.get_by_role("link", name="Remove filter destination").click()
    expect(page.locator("#results tbody tr:not(.band)")).to_have_count(2)


def test_a_live_tail_shows_what_comes(open_page: OpenPage, account: Account, held: Any) -> None:
    destination = make_destination(account)
    held(destination, 1)
    page = open_page("/deliveries/")
    page.get_by_role("link", name="Live tail").click()
    expect(page.get_by_text("Live: 1 deliver")).to_be_visible()

    held(destination, 2)

    expect(page.locator("#results tbody tr:not(.band)")).to_have_count(2)
    page.get_by_role("link", name="Pause").click()
    expect(page.get_by_role("link", name="Live tail")).to_be_visible()


def test_a_destination_is_made_with_the_keyboard_alone(
    open_page: OpenPage, run_jobs: RunJobs, datadog: FakeDatadog, account: Account
) -> None:
    page = open_page("/destinations/new/datadog/")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to content")
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("Name", exact=True))
    page.keyboard.type("By keyboard")
    tab_to(page, page.get_by_label("API key", exact=True))
    page.keyboard.type(KEY)
    tab_to(page, page.get_by_role("button", name="Send test event"))
    page.keyboard.press("Enter")
    expect(page.locator("#test-run")).to_be_visible()
    run_jobs("interactive")
    expect(page.locator("#test-run")).to_have_attribute("data-run-state", "passed")
    tab_to(page, page.get_by_role("button", name="Save destination"))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_contain_text("By keyboard")


def tab_to(page: Page, wanted: Any) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{wanted} is not reached by Tab.")


def test_without_javascript_a_form_is_tested_in_a_second_tab_and_keeps_what_was_typed(
    open_page: OpenPage, run_jobs: RunJobs, datadog: FakeDatadog, account: Account
) -> None:
    page = open_page("/destinations/new/datadog/", script=False)
    fill_form(page)

    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Send test event").click()
    result = opened.value
    run_jobs("interactive")
    result.reload()

    expect(result.locator("#test-run")).to_have_attribute("data-run-state", "passed")
    assert page.get_by_label("API key", exact=True).input_value() == KEY
    page.get_by_role("button", name="Save destination").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Datadog EU")
    page.get_by_role("link", name="Show as table").click()
    expect(page.locator("#chart table")).to_be_visible()
    page.goto("/deliveries/?state=held")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("No delivery matches this.")).to_be_visible()


@pytest.fixture
def addresses(account: Account, held: Any) -> list[str]:
    """The pages of these rooms, with something on each."""
    destination = make_destination(account)
    delivery = held(destination, 3)
    event_id = publish([make_event()], account=account).event_ids[0]
    letter = make_dead_letter(delivery, event_id="ev_" + "1" * 27, code="413", reason="Larger than the service takes.")
    Destination.objects.filter(pk=destination.pk).update(
        state="blocked", error_code="403", error_message="Datadog refused the API key.", error_remedy="Check the key."
    )
    return [
        "/destinations/",
        "/destinations/new/",
        "/destinations/new/datadog/",
        "/destinations/new/kinesis/",
        f"/destinations/{destination.pk}/",
        f"/destinations/{destination.pk}/?as=table",
        f"/destinations/{destination.pk}/deliveries/",
        f"/destinations/{destination.pk}/dead-letters/",
        f"/destinations/{destination.pk}/configuration/",
        f"/destinations/{destination.pk}/set-up/",
        f"/destinations/{destination.pk}/resume/",
        f"/destinations/{destination.pk}/discard/",
        f"/destinations/{destination.pk}/delete/",
        "/deliveries/",
        "/deliveries/?state=dead&q=x",
        f"/deliveries/{delivery.pk}/",
        f"/deliveries/{delivery.pk}/retry_alike/",
        "/dead-letters/",
        f"/dead-letters/{letter.pk}/",
        f"/dead-letters/replay/?reason=413&destination={destination.pk}",
        "/events/",
        f"/events/{event_id}/",
        "/replays/",
        f"/replays/new/?event_ids={event_id}",
    ]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_on_any_page(
    open_page: OpenPage, check_page: CheckPage, addresses: list[str], theme: str, width: int
) -> None:
    page = open_page("/", theme=theme, width=width)

    for address in addresses:
        response = page.goto(address)
        assert response is not None, address
        assert response.status == 200, address
        page.wait_for_load_state("networkidle")
        check_page(page)
