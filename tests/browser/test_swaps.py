"""After each swap: where the focus is, what is announced, and whether Back, reload and a link show the same again."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, Route, expect

from accounts.models import Account
from delivery.models import DeadLetter
from events.publishing import publish
from subscriptions.models import Subscription
from tests.browser.composing import NEW, SLUG
from tests.browser.conftest import OpenPage
from tests.browser.listing import rows_of
from tests.carrying import FakeDatadog, answer
from tests.factories import make_destination, make_event, make_subscription

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RunJobs = Callable[..., None]
REFUSED = answer(400, '{"errors": [{"detail": "Payload is not valid"}]}')


def press(page: Page, selector: str, key: str = "Enter") -> None:
    """As the keyboard does: a click would move the focus by itself."""
    page.focus(selector)
    page.keyboard.press(key)


@pytest.fixture
def many(account: Account) -> Account:
    """An account with 61 subscriptions, numbered from 0; that with 60 is paused."""
    place = make_destination(account)
    for number in range(61):
        make_subscription(account, place, description=f"Stream {number:02}")
    Subscription.objects.filter(description="Stream 60").update(state="paused")
    return account


def test_searching_keeps_the_focus_says_the_count_and_has_an_address(open_page: OpenPage, many: Account) -> None:
    page = open_page("/subscriptions/")
    expect(rows_of(page)).to_have_count(50)

    page.focus("#q")
    page.keyboard.type("Stream 6")
    expect(rows_of(page)).to_have_count(1)
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#say")).to_have_text("1 subscription")
    expect(page).to_have_url(re.compile(r"q=Stream%206"))

    page.reload()
    expect(page.locator("#q")).to_have_value("Stream 6")
    expect(rows_of(page)).to_have_count(1)
    page.go_back()
    expect(rows_of(page)).to_have_count(50)
    expect(page.locator("#q")).to_have_value("")


def test_a_state_is_chosen_and_back_takes_it_back(open_page: OpenPage, many: Account) -> None:
    page = open_page("/subscriptions/")

    page.select_option("#state", "paused")
    expect(rows_of(page)).to_have_count(1)
    page.go_back()

    expect(rows_of(page)).to_have_count(50)
    expect(page.locator("#state")).to_have_value("")
    page.go_forward()
    expect(rows_of(page)).to_have_count(1)
    expect(page.locator("#state")).to_have_value("paused")


def test_sorting_keeps_the_focus_and_goes_on_while_one_searches(open_page: OpenPage, many: Account) -> None:
    page = open_page("/subscriptions/")

    press(page, "#sort-name")
    expect(rows_of(page).first).to_contain_text("Stream 60")
    expect(page.locator("#sort-name")).to_be_focused()
    page.fill("#q", "Stream 1")
    expect(rows_of(page)).to_have_count(10)

    expect(rows_of(page).first).to_contain_text("Stream 19")
    expect(page).to_have_url(re.compile("sort=-name"))


def test_pages_of_a_list_have_addresses(open_page: OpenPage, many: Account) -> None:
    page = open_page("/subscriptions/?q=Stream")

    page.click("#older")
    expect(page.locator("#caption")).to_have_text(re.compile("51.61 of 61"))
    expect(page.locator("#q")).to_have_value("Stream")
    page.go_back()

    expect(page.locator("#caption")).to_have_text(re.compile(" 1.50 of 61"))


def test_pausing_in_bulk_says_so_and_shows_the_same_list(open_page: OpenPage, many: Account) -> None:
    page = open_page("/subscriptions/")
    page.fill("#q", "Stream 1")
    expect(rows_of(page)).to_have_count(10)

    page.focus(".pick >> nth=0")
    page.keyboard.press("Space")
    page.focus(".pick >> nth=2")
    page.keyboard.press("Shift+Space")
    expect(page.locator(".pick:checked")).to_have_count(3)
    page.get_by_role("button", name="Pause").press("Enter")

    expect(page.get_by_role("status").filter(has_text="3 subscriptions")).to_be_visible()
    expect(page.locator("#q")).to_have_value("Stream 1")
    expect(rows_of(page).filter(has_text="Paused")).to_have_count(3)


def test_choosing_fields_and_the_kind_of_filter_keeps_the_focus(open_page: OpenPage, account: Account) -> None:
    page = open_page(NEW)

    for control, then in (("preset-access_log", ""), ("as-text", "text"), ("as-conditions", "")):
        page.evaluate("document.querySelector('#say').replaceChildren()")
        press(page, f"#{SLUG}-{control}")
        expect(page.locator("#say")).to_have_text("Draft saved")
        expect(page.locator(f"#{SLUG}-{then or control}")).to_be_focused()
    expect(page.locator(f"#{SLUG}-count")).to_have_text("12 of 35")


def test_removing_goes_to_the_next_and_closing_a_dialog_to_its_button(open_page: OpenPage, account: Account) -> None:
    page = open_page(NEW)
    press(page, f"#{SLUG}-add")
    expect(page.locator(f"#{SLUG}-c1-field")).to_be_focused()
    press(page, f"#{SLUG}-add")
    expect(page.locator(f"#{SLUG}-c2-field")).to_be_focused()

    press(page, f"#{SLUG}-c1-remove")
    expect(page.locator(f"#{SLUG}-c2-remove")).to_be_focused()
    press(page, "#add-sources")
    expect(page.locator("dialog [data-filter]")).to_be_focused()
    page.keyboard.press("Escape")

    expect(page.locator("#add-sources")).to_be_focused()


def test_samples_are_leafed_through_without_losing_the_place(
    open_page: OpenPage, run_jobs: RunJobs, account: Account
) -> None:
    publish([make_event(), make_event()], account=account)
    page = open_page(NEW)
    expect(page.locator("#backtest")).to_contain_text("counting")
    run_jobs("interactive")
    expect(page.locator("#backtest-sample")).to_contain_text("1 of 2")

    press(page, "#sample-older")

    expect(page.locator("#say")).to_have_text("Event 2 of 2")
    expect(page.locator("#sample-older")).to_be_focused()
    expect(page.locator("#sample-older")).to_have_attribute("aria-disabled", "true")


def test_a_test_event_is_followed_from_the_button(
    open_page: OpenPage, run_jobs: RunJobs, account: Account, datadog: FakeDatadog
) -> None:
    datadog.answers = [answer(403, '{"errors": [{"detail": "Forbidden"}]}')]
    page = open_page("/destinations/new/datadog/")
    page.get_by_label("Name", exact=True).fill("Datadog EU")

    press(page, "#send-test")
    expect(page.locator("#test #form-errors")).to_be_focused()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Datadog EU")
    page.get_by_label("API key", exact=True).fill("0123456789abcdef0123456789abcdef")
    press(page, "#send-test")
    expect(page.locator("#test-run")).to_be_visible()
    expect(page.locator("#send-test")).to_be_focused()
    run_jobs("interactive")

    expect(page.locator("#shout")).to_contain_text("Test event failed at step")
    expect(page.locator("#send-test")).to_be_focused()


def test_a_refused_form_keeps_what_was_typed_and_leads_to_the_fault(open_page: OpenPage, account: Account) -> None:
    page = open_page("/settings/prices/datadog/")
    page.get_by_label("Per GB", exact=True).fill("-1")
    page.get_by_label("Where it is from").fill("Contract 7")

    page.get_by_role("button", name="Save price").click()
    expect(page.locator("#form-errors")).to_be_focused()
    expect(page.get_by_label("Where it is from")).to_have_value("Contract 7")
    page.locator("#form-errors a").first.press("Enter")

    expect(page.get_by_label("Per GB", exact=True)).to_be_focused()


def test_dead_letters_of_a_reason_are_retried(
    open_page: OpenPage, run_jobs: RunJobs, account: Account, datadog: FakeDatadog
) -> None:
    make_subscription(account, make_destination(account))
    datadog.answers = [REFUSED]
    publish([make_event()], account=account)
    run_jobs(*settings.QUEUE_NAMES)
    page = open_page("/dead-letters/")

    page.locator("tbody th a").first.click()
    expect(page).to_have_url(re.compile("reason=400"))
    page.reload()
    expect(page.locator(".chip").filter(has_text="reason: 400")).to_be_visible()
    page.get_by_role("link", name="Send again…").press("Enter")
    page.locator("main").get_by_role("button", name="Send 1 again").press("Enter")

    expect(page.get_by_role("status").filter(has_text="1 record is sent again.")).to_be_visible()
    run_jobs(*settings.QUEUE_NAMES)
    assert DeadLetter.objects.get().replayed_as is not None


def test_another_time_replaces_all_that_speaks_of_it(
    open_page: OpenPage, account: Account, held: Callable[..., Any]
) -> None:
    held(make_destination(account), 5)
    page = open_page("/")

    press(page, "#range-7d")
    expect(page.locator("#events-head")).to_contain_text("the last 7 days")
    expect(page.locator("#range-7d")).to_be_focused()
    expect(page.locator("#say")).to_have_text("Records of the last 7 days: 0 delivered, 5 waiting or held, 0 dead.")
    expect(page.locator("#overview")).to_have_attribute("hx-get", "/?range=7d")

    page.go_back()
    expect(page.locator("#events-head")).to_contain_text("the last 24 hours")


def test_choosing_a_way_to_set_up_keeps_the_focus(open_page: OpenPage, account: Account) -> None:
    page = open_page("/destinations/new/azure_logs_ingestion/")
    way = page.locator("#kit .segments a").last
    expect(way).not_to_have_attribute("aria-current", "true")

    way.press("Enter")

    expect(way).to_have_attribute("aria-current", "true")
    expect(way).to_be_focused()


def test_a_failed_save_is_told_and_gives_the_button_back(open_page: OpenPage, account: Account) -> None:
    page = open_page(NEW)
    expect(page.locator("#backtest")).to_contain_text("counting")
    page.fill("#description", "Kept")
    page.route("**/subscriptions/**", lambda route: route.abort())

    press(page, "[data-save]")

    expect(page.locator("#shout")).to_contain_text(
        "Not saved: the server did not answer. What you typed is still here."
    )
    expect(page.locator("[data-save]")).to_be_focused()
    expect(page.locator("#description")).to_have_value("Kept")


def test_who_was_signed_out_composes_on_after_signing_in_elsewhere(open_page: OpenPage, account: Account) -> None:
    page = open_page(NEW)
    expect(page.locator("#backtest")).to_contain_text("counting")
    session = next(cookie["value"] for cookie in page.context.cookies() if cookie.get("name") == "sessionid")
    page.context.clear_cookies(name="sessionid")
    page.fill("#description", "Kep")
    press(page, "[data-save]")
    expect(page.locator("#shout")).to_contain_text("You were signed out. What you typed is still here")
    # What keeps the draft fails too, and after it: it fills another part of the form.
    with page.expect_response(
        lambda answer: answer.request.method == "POST" and "act=" not in str(answer.request.post_data)
    ):
        page.fill("#description", "Kept")
    page.wait_for_load_state("networkidle")

    page.context.add_cookies([{"name": "sessionid", "value": session, "url": page.url}])
    press(page, "[data-save]")

    expect(page.locator("#form-errors")).to_contain_text("Choose at least one destination")
    expect(page.locator("#description")).to_have_value("Kept")
    expect(page.locator("#shout")).to_be_empty()


def test_figures_go_on_once_the_server_answers_again(open_page: OpenPage, account: Account) -> None:
    page = open_page("/subscriptions/new/")
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.route("**/figures/", refuse)
    page.goto(NEW)
    expect(page.locator("#shout")).to_contain_text("The server did not answer")
    page.unroute("**/figures/")

    with page.expect_response("**/figures/") as answered:
        pass

    assert answered.value.url == asked[0]
    expect(page.locator("#shout")).to_be_empty()
