"""Composing a subscription with a real browser: with conditions, with text, by keyboard, without JavaScript."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from accounts.models import Account
from events.publishing import publish
from subscriptions.drafting.services import save_subscription
from subscriptions.models import Draft, Subscription
from subscriptions.services import SourceSpec
from tests.browser.composing import NEW, SLUG
from tests.browser.conftest import THEMES, WIDTHS, CheckPage, OpenPage
from tests.carrying import FakeDatadog
from tests.factories import HTTP, make_destination, make_subscription, on_port

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RunJobs = Callable[..., None]


@pytest.fixture
def events(account: Account) -> None:
    publish([on_port(443), on_port(443), on_port(80)], account=account)


def add_condition(page: Page, field: str, value: str) -> None:
    page.click(f"#{SLUG}-add")
    expect(page.locator(f"#{SLUG}-c1-field")).to_be_focused()
    page.select_option(f"#{SLUG}-c1-field", field)
    expect(page.locator(f"#{SLUG}-c1-operator option").nth(4)).to_have_text("is greater than")
    page.fill(f"#{SLUG}-c1-value", value)


def test_composing_with_conditions_shows_what_would_match(
    open_page: OpenPage, run_jobs: RunJobs, account: Account, events: None
) -> None:
    place = make_destination(account)
    page = open_page(f"{NEW}&destination={place.pk}")

    page.fill("#description", "Checkout")
    add_condition(page, "conn.server_port", "443")
    expect(page.locator(f"#{SLUG}-cel")).to_contain_text("ev.conn.server_port == 443")
    run_jobs("interactive")
    expect(page.locator("#live")).to_contain_text("2 of 3 events match")
    expect(page.locator(f"#{SLUG}-pass-0")).to_have_text("2")
    page.click("#sample-refused")
    expect(page.locator("#backtest-sample")).to_contain_text("it was 80")
    page.keyboard.press("Control+s")

    page.wait_for_url("**/subscriptions/esb_*/")
    saved = Subscription.objects.get()
    assert (saved.name, saved.sources.get().filter) == ("Checkout", "ev.conn.server_port == 443")


def test_what_is_kept_while_save_is_under_way_does_not_break_off_the_way_to_the_saved_one(
    open_page: OpenPage, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(**given: Any) -> Subscription:
        time.sleep(0.5)
        return save_subscription(**given)

    monkeypatch.setattr("subscriptions.composer_views.save_subscription", slowly)
    page = open_page(f"{NEW}&destination={make_destination(account).pk}")
    page.fill("#description", "Checkout")
    expect(page.locator("#draft-status")).to_contain_text("saved")
    gone_to: list[str] = []
    page.on("request", lambda request: gone_to.append(request.url) if request.is_navigation_request() else None)

    page.keyboard.press("Control+s")
    page.locator("#description").dispatch_event("change")

    page.wait_for_url("**/subscriptions/esb_*/")
    assert gone_to == [page.url]


def test_the_panel_follows_the_filter_and_a_match_is_sent_as_a_test(
    open_page: OpenPage, run_jobs: RunJobs, account: Account, events: None, datadog: FakeDatadog, check_page: CheckPage
) -> None:
    place = make_destination(account, description="Datadog EU")
    page = open_page(f"{NEW}&destination={place.pk}")
    add_condition(page, "conn.server_port", "443")
    expect(page.locator(f"#{SLUG}-cel")).to_contain_text("== 443")
    run_jobs("interactive")
    expect(page.locator("#live")).to_contain_text("2 of 3 events match")

    page.fill(f"#{SLUG}-c1-value", "80")
    expect(page.locator(f"#{SLUG}-cel")).to_contain_text("== 80")
    run_jobs("interactive")
    expect(page.locator("#live")).to_contain_text("1 of 3 events match")
    page.click(f"#sample-test-{place.pk}")
    expect(page.locator("dialog #test-run")).to_be_visible()
    check_page(page)
    run_jobs("interactive")

    expect(page.locator("dialog #test-run")).to_have_attribute("data-run-state", "passed")
    (record,) = datadog.arrived
    assert (record["test"], record["object"]["conn"]["server_port"]) == (True, 80)
    page.keyboard.press("Escape")
    expect(page.locator(f"#{SLUG}-c1-value")).to_have_value("80")


def test_an_edit_tells_now_and_then(open_page: OpenPage, run_jobs: RunJobs, account: Account, events: None) -> None:
    sources = [SourceSpec(HTTP, "ev.conn.server_port == 443")]
    subscription = make_subscription(account, make_destination(account), sources=sources)
    page = open_page(f"/subscriptions/{subscription.pk}/edit/")

    page.fill(f"#{SLUG}-c1-value", "80")
    expect(page.locator(f"#{SLUG}-cel")).to_contain_text("== 80")
    run_jobs("interactive")

    expect(page.locator("#backtest-change")).to_have_text("Now 2, then 1: 1 more would match, 2 no longer.")


def test_composing_with_text_points_at_the_fault_and_mends_it(
    open_page: OpenPage, account: Account, check_page: CheckPage
) -> None:
    page = open_page(NEW)

    page.click(f"#{SLUG}-as-text")
    page.fill(f"#{SLUG}-text", 'true &&\nev.conn.server_nam == "a"')
    error = page.locator(f"#{SLUG}-text-error")
    expect(error).to_contain_text("Line 2, column 9: there is no field server_nam. Did you mean server_name?")
    expect(page.locator(".gutter .bad")).to_have_text("2")
    check_page(page)
    page.click("text=Use server_name")

    expect(page.locator(f"#{SLUG}-text")).to_have_value('true &&\nev.conn.server_name == "a"')
    expect(error).to_have_text("")


def test_typing_a_field_offers_completions(open_page: OpenPage, account: Account) -> None:
    page = open_page(NEW)
    page.click(f"#{SLUG}-as-text")
    text = page.locator(f"#{SLUG}-text")

    text.press_sequentially("ev.conn.server_p")
    expect(page.locator("#complete [aria-selected=true]")).to_have_text("ev.conn.server_port")
    text.press("Enter")

    expect(text).to_have_value("ev.conn.server_port")
    expect(page.locator("#complete")).to_have_count(0)


def test_composing_needs_no_pointer(open_page: OpenPage, account: Account) -> None:
    place = make_destination(account)
    page = open_page(f"{NEW}&destination={place.pk}")
    keyboard = page.keyboard

    page.focus("#description")
    keyboard.type("By keyboard")
    page.focus(f"#{SLUG}-add")
    keyboard.press("Enter")
    expect(page.locator(f"#{SLUG}-c1-field")).to_be_focused()
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.type("10.", delay=60)
    expect(page.locator(f"#{SLUG}-cel")).to_contain_text('ev.conn.client_ip == "10."')
    keyboard.press("Tab")
    expect(page.locator(f"#{SLUG}-c1-remove")).to_be_focused()
    keyboard.press("Enter")
    expect(page.locator(f"#{SLUG}-add")).to_be_focused()
    keyboard.press("Control+s")

    page.wait_for_url("**/subscriptions/esb_*/")
    assert Subscription.objects.get().name == "By keyboard"


def hold_act(route: Route, held: list[Route]) -> None:
    if "add_group" in (route.request.post_data or ""):
        held.append(route)
    else:
        route.continue_()


def test_what_is_typed_while_an_act_is_under_way_is_kept(open_page: OpenPage, account: Account) -> None:
    page = open_page(NEW)
    add_condition(page, "conn.server_port", "443")
    held: list[Route] = []
    page.route("**/subscriptions/**", lambda route: hold_act(route, held))

    page.click(f"#{SLUG}-add-group")
    page.fill("#description", "Typed meanwhile")
    page.fill(f"#{SLUG}-c1-value", "8443")
    (act,) = held
    with page.expect_response(lambda response: "=8443" in (response.request.post_data or "")):
        act.continue_()

    expect(page.locator("[role=group][aria-label='Group 2']")).to_be_visible()
    page.reload()
    expect(page.locator("#description")).to_have_value("Typed meanwhile")
    expect(page.locator(f"#{SLUG}-c1-value")).to_have_value("8443")


def test_composing_needs_no_script(
    open_page: OpenPage, run_jobs: RunJobs, account: Account, events: None, check_page: CheckPage
) -> None:
    make_destination(account, description="Datadog EU")
    page = open_page("/subscriptions/new/", script=False)

    page.fill("#description", "Without script")
    page.click("#add-sources")
    page.check(f"[value='{HTTP}']")
    page.click("text=Add sources >> nth=-1")
    page.click(f"#{SLUG}-as-text")
    page.fill(f"#{SLUG}-text", "ev.conn.server_prot == 443")
    page.click("text=Check filter")
    expect(page.locator(f"#{SLUG}-text-error")).to_contain_text("there is no field server_prot")
    page.click("text=Use server_port")
    page.click("text=Check filter")
    run_jobs("interactive")
    page.reload()
    expect(page.locator("#live")).to_contain_text("2 of 3 events match")
    page.click("#add-destinations")
    page.check("[name=destination]")
    page.click("text=Add destinations >> nth=-1")
    page.click("[data-save]")

    expect(page.locator("h1")).to_have_text("Without script")
    assert Subscription.objects.get().sources.get().filter == "ev.conn.server_port == 443"


def test_a_refused_form_keeps_everything_and_leads_to_each_fault(open_page: OpenPage, account: Account) -> None:
    page = open_page(NEW)
    page.fill("#description", "")
    add_condition(page, "conn.server_port", "https")

    page.click("[data-save]")
    summary = page.locator("#form-errors")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("3 things to mend before this can be saved.")
    page.click("#form-errors a >> text=Condition")

    expect(page.locator(f"#{SLUG}-c1")).to_be_focused()
    expect(page.locator(f"#{SLUG}-c1-value")).to_have_value("https")


def test_a_second_tab_is_told_and_nothing_is_overwritten(open_page: OpenPage, account: Account) -> None:
    first = open_page(NEW)
    first.fill("#description", "First")
    first.wait_for_url("**/subscriptions/drafts/dr_*/")
    second = open_page(first.url)
    second.fill("#description", "Second")
    expect(second.locator("#draft-status")).to_contain_text("Draft saved")
    expect(second.locator("#version")).to_have_value("2")

    first.fill("#description", "First again")
    expect(first.locator("#draft-status")).to_contain_text("changed in another tab")
    expect(first.locator("#description")).to_have_value("First again")
    assert Draft.objects.get().content["description"] == "Second"
    first.click("text=Keep this one")

    expect(first.locator("#draft-status")).to_contain_text("Draft saved")
    assert Draft.objects.get().content["description"] == "First again"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing(
    open_page: OpenPage, account: Account, check_page: CheckPage, events: None, theme: str, width: int
) -> None:
    sources = [SourceSpec(HTTP, "ev.conn.server_port == 443", ["conn.server_name"])]
    subscription = make_subscription(account, make_destination(account), sources=sources)

    one = f"/subscriptions/{subscription.pk}/"
    for address in (
        "/", "/subscriptions/", one, f"{one}edit/", f"{one}revisions/", f"{one}revisions/1/", f"{one}delete/",
        f"{one}switch_off/", f"{one}as-code/", NEW, "/find/?q=Requests", "/settings/",
    ):  # fmt: skip
        check_page(open_page(address, theme=theme, width=width))
