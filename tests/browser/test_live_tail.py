"""Live tails in a browser: narrowed, stopped, and still under the pointer."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import Account
from events.publishing import publish
from tests.browser.conftest import OpenPage
from tests.browser.listing import rows_of
from tests.factories import HTTP, TCP, make_destination, make_event

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_live_tail_is_narrowed_and_stopped_without_forgetting_how(open_page: OpenPage, account: Account) -> None:
    publish([make_event(), make_event(TCP)], account=account)
    page = open_page("/events/")
    expect(rows_of(page)).to_have_count(2)

    page.select_option("#type", HTTP)
    expect(rows_of(page)).to_have_count(1)
    expect(page.locator("#say")).to_have_text("1 event")
    page.fill("#filter", "ev.conn.server_prot == 443")
    expect(page.locator("#say")).to_contain_text("there is no field server_prot")
    expect(page.locator("#filter")).to_be_focused()
    page.fill("#filter", "ev.conn.server_port == 443")
    expect(page.locator("#filter-error")).to_be_empty()
    page.get_by_role("link", name="Pause").click()

    expect(page.get_by_role("link", name="Go on")).to_be_visible()
    expect(page.locator("#type")).to_have_value(HTTP)
    expect(page.locator("#filter")).to_have_value("ev.conn.server_port == 443")
    expect(page.locator("#results")).not_to_have_attribute("hx-get", re.compile("."))


def test_a_live_tail_stands_still_under_the_focus_and_the_pointer(open_page: OpenPage, account: Account) -> None:
    publish([make_event()], account=account)
    page = open_page("/events/")
    page.keyboard.press("Tab")
    rows_of(page).first.get_by_role("link").focus()
    polls: list[Any] = []
    page.on("request", lambda request: polls.append(request.url) if "version=" in request.url else None)
    asked = (
        "new Promise((done) => document.addEventListener('htmx:beforeRequest', () => setTimeout(done), {once: true}))"
    )

    publish([make_event()], account=account)
    page.evaluate(asked)
    expect(rows_of(page)).to_have_count(1)
    expect(rows_of(page).first.get_by_role("link")).to_be_focused()
    page.hover("#results")
    page.focus("#type")
    page.evaluate(asked)
    assert polls == []
    page.hover("h1")

    expect(rows_of(page)).to_have_count(2)


def test_a_live_tail_of_deliveries_stays_one_while_it_is_narrowed(
    open_page: OpenPage, account: Account, held: Callable[..., Any]
) -> None:
    first, second = make_destination(account, description="First"), make_destination(account, description="Second")
    held(first, 1)
    held(second, 1)
    page = open_page("/deliveries/?tail=1")

    page.locator("#destination").select_option("First")
    expect(rows_of(page)).to_have_count(1)
    expect(page.locator("#say")).to_have_text("1 delivery")
    expect(page).to_have_url(re.compile("tail=1"))
    held(first, 1)
    expect(rows_of(page)).to_have_count(2)
    page.get_by_role("link", name="Pause").click()

    expect(page.get_by_role("link", name="Live tail")).to_be_visible()
    expect(page.locator("#destination")).to_have_value(first.pk)
    expect(rows_of(page)).to_have_count(2)


def test_a_live_tail_tells_once_that_the_server_is_away_and_takes_it_back(
    open_page: OpenPage, account: Account
) -> None:
    publish([make_event()], account=account)
    page = open_page("/events/")
    page.evaluate("window.told = []; new MutationObserver(() => told.push(1)).observe($('#shout'), {childList: true})")

    page.route("**/events/**", lambda route: route.abort())
    expect(page.locator("#shout")).to_contain_text("The server did not answer: what you see is from before.")
    page.unroute("**/events/**")
    # A proxy answers for a server that is not there yet.
    page.route("**/events/**", lambda route: route.fulfill(status=502))
    for _ in range(2):
        with page.expect_response("**/events/**"):
            pass
    expect(page.locator("#shout")).to_contain_text("what you see is from before")
    assert page.evaluate("told.length") == 1
    page.unroute("**/events/**")
    publish([make_event()], account=account)

    expect(rows_of(page)).to_have_count(2)
    expect(page.locator("#shout")).to_be_empty()


def test_polling_leaves_the_message_of_what_was_pressed(open_page: OpenPage, account: Account) -> None:
    page = open_page("/events/")
    page.route("**/events/**", lambda route: route.abort() if "type=" in route.request.url else route.continue_())

    with page.expect_response(lambda answer: "version=" in answer.url):
        page.select_option("#type", HTTP)
    with page.expect_response(lambda answer: "version=" in answer.url):
        pass

    expect(page.locator("#shout")).to_contain_text("The server did not answer")


def test_a_live_tail_goes_on_after_a_tap(open_page: OpenPage, account: Account) -> None:
    """A tap leaves its hover behind until the next one: that is nobody who points at a row."""
    publish([make_event()], account=account)
    page = open_page("/events/", width=390, touch=True)
    page.locator("#results caption").tap()
    assert page.evaluate("document.querySelector('#results').matches(':hover')")
    assert not page.evaluate("matchMedia('(hover: hover)').matches")
    expect(page.get_by_text("stands still while you point at it")).to_be_hidden()

    publish([make_event()], account=account)

    expect(rows_of(page)).to_have_count(2)
