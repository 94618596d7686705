"""Nothing moves under the cursor, and what matters in a table is seen at every width."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, Route, expect

from accounts.models import Account
from common.ids import new_id
from delivery.models import DeadLetter
from destinations.models import Destination
from events.publishing import publish
from subscriptions.models import Subscription
from tests.browser.conftest import CheckPage, OpenPage
from tests.carrying import FakeDatadog
from tests.factories import HTTP, make_destination, make_event
from tests.troubles import NAME
from tests.world import PAGES, World, make_world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RunJobs = Callable[..., None]
# Of the window's height and width, by web.dev's measure; a good page has less than 0.1.
MOST_SHIFT = 0.05
OBSERVE = """
  window.shifts = [];
  const seen = (list) => { for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifts.push({
    value: entry.value,
    what: entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 90) ?? node?.textContent?.slice(0, 90)),
  }); };
  new PerformanceObserver(seen).observe({ type: "layout-shift", buffered: true });
"""
# Two frames: what the last task changed is drawn, and its entries are delivered.
SHIFTS = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(shifts))))"
PAINTED = """new Promise((done) => new PerformanceObserver((list) => {
  if (list.getEntriesByName("first-contentful-paint").length) done();
}).observe({ type: "paint", buffered: true }))"""


def shifts_of(page: Page) -> list[dict[str, Any]]:
    return list(page.evaluate(SHIFTS))


@dataclass
class Gate:
    """Scripts come only after the page was painted without them, as on a slow line."""

    held: list[Route] = field(default_factory=list)
    is_open: bool = True

    def pass_on(self, route: Route) -> None:
        if self.is_open:
            route.continue_()
        else:
            self.held.append(route)

    def open(self) -> None:
        self.is_open = True
        while self.held:
            self.held.pop().continue_()


def visit(page: Page, gate: Gate, address: str) -> None:
    gate.is_open = False
    page.goto(address, wait_until="commit")
    page.evaluate(PAINTED)
    gate.open()
    page.wait_for_load_state()
    # What a page asks for as soon as it is there.
    expect(page.locator(".htmx-request")).to_have_count(0)


def is_page(page: Page, address: str) -> bool:
    answer = page.request.get(address)
    return answer.status == 200 and answer.headers["content-type"].startswith("text/html")


def addresses_of(page: Page, world: World) -> list[str]:
    addresses = [reverse(name, kwargs=world.arguments(name, route)) for name, route in PAGES]
    return [address for address in addresses if is_page(page, address)]


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_while_a_page_opens(open_page: OpenPage, account: Account, width: int) -> None:
    world = make_world(account)
    page = open_page("about:blank", width=width)
    addresses = addresses_of(page, world)
    assert len(addresses) > 50
    page.add_init_script(OBSERVE)
    gate = Gate()
    page.route("**/*.js", gate.pass_on)

    moved = {}
    for address in addresses:
        visit(page, gate, address)
        shifts = shifts_of(page)
        if sum(shift["value"] for shift in shifts) >= MOST_SHIFT:
            moved[address] = shifts

    assert not moved


def test_nothing_moves_while_a_draft_is_tried(open_page: OpenPage, run_jobs: RunJobs, account: Account) -> None:
    publish([make_event(), make_event()], account=account)
    page = open_page("about:blank")
    page.add_init_script(OBSERVE)
    page.goto(f"/subscriptions/new/?type={HTTP}&destination={make_destination(account).pk}")
    expect(page.locator("#backtest")).to_contain_text("counting")

    run_jobs("interactive")
    expect(page.locator("#backtest-sample")).to_contain_text("1 of 2")

    assert sum(shift["value"] for shift in shifts_of(page)) < MOST_SHIFT


def test_nothing_moves_while_a_test_event_is_followed(
    open_page: OpenPage, run_jobs: RunJobs, account: Account, datadog: FakeDatadog
) -> None:
    page = open_page("about:blank")
    page.add_init_script(OBSERVE)
    page.goto(f"/destinations/{make_destination(account).pk}/")
    page.get_by_role("button", name="Send test event").click()
    expect(page.locator("#test-run")).to_be_visible()

    run_jobs("interactive")
    expect(page.locator("#test-run")).to_have_attribute("data-run-state", "passed")

    assert sum(shift["value"] for shift in shifts_of(page)) < MOST_SHIFT


# A table that is wider than what is round it is cut off, or scrolls sideways.
WIDE = """[...document.querySelectorAll("main table")]
  .filter((table) => table.offsetWidth > table.parentElement.clientWidth)
  .map((table) => [table.offsetWidth, table.parentElement.clientWidth, table.textContent.trim().slice(0, 60)])"""


@pytest.mark.parametrize("width", [768, 390])
def test_tables_fit_their_cards(open_page: OpenPage, account: Account, width: int) -> None:
    world = make_world(account)
    Subscription.objects.update(description=f"{NAME}, port 443")
    Destination.objects.update(description=NAME, state="blocked")
    page = open_page("about:blank", width=width)

    wide = {}
    for address in addresses_of(page, world):
        page.goto(address)
        if found := page.evaluate(WIDE):
            wide[address] = found

    assert not wide


MATTERS = {
    "/subscriptions/": ["Subscription", "Destinations", "Matched, 24 h", "State"],
    "/destinations/": ["Destination", "Points to", "State", "Waiting", "Oldest waiting"],
    "/deliveries/": ["When", "Subscription", "Destination", "Events", "State", "Answer"],
    "/dead-letters/": ["Reason", "Destination", "Records", "Last", "Event", "Died", "From and to"],
    "/settings/audit/": ["What", "Who", "From", "When"],
    "/settings/people/": ["Person", "Role", "Second factor", "Last sign-in"],
    "/settings/people/roles/": ["May …", "Owner", "Admin", "Editor", "Viewer"],
}


@pytest.mark.parametrize("address", MATTERS)
def test_what_matters_is_seen_in_the_middle_layout(open_page: OpenPage, account: Account, address: str) -> None:
    make_world(account)
    page = open_page(address, width=768)

    for head in MATTERS[address]:
        cell = page.locator("main thead").get_by_role("columnheader", name=head, exact=True).first
        expect(cell).to_be_visible()
        box = cell.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 768, head


LISTS = {
    "/deliveries/?state=dead&from=2026-11-01T00:00": "#state",
    "/settings/audit/?action=api_key_created.v0&object=ak_1": "#id_action",
    "/events/?type=http_request_complete.v0&filter=true": "#filter",
}


@pytest.mark.parametrize(("address", "control"), LISTS.items())
def test_filters_fold_where_there_is_no_room_for_them(
    open_page: OpenPage, account: Account, address: str, control: str
) -> None:
    make_world(account)
    wide = open_page(address)
    expect(wide.locator(control)).to_be_visible()
    expect(wide.locator("#filters")).to_be_hidden()

    narrow = open_page(address, width=390, script=False)
    expect(narrow.locator(control)).to_be_hidden()
    expect(narrow.locator("#filters")).to_have_text("Filters 2")
    results = narrow.locator("#results, [aria-label=Entries]").bounding_box()
    assert results is not None
    assert results["y"] < 400

    narrow.locator("#filters").click()
    expect(narrow.locator(control)).to_be_visible()


def test_the_number_of_chosen_filters_keeps_up(open_page: OpenPage, account: Account) -> None:
    make_world(account)
    page = open_page("/deliveries/", width=390)
    expect(page.locator("#filters")).to_have_text("Filters")

    page.locator("#filters").click()
    page.focus("#state")
    page.keyboard.press("d")

    expect(page.locator("#filters")).to_have_text("Filters 1")
    expect(page.locator("#state")).to_be_focused()


@pytest.mark.parametrize("address", ["/destinations/", "/subscriptions/", "/replays/", "/"])
def test_an_empty_page_has_one_way_on(open_page: OpenPage, account: Account, address: str) -> None:
    page = open_page(address)

    expect(page.locator("main .primary:visible")).to_have_count(1)


def test_no_page_scrolls_sideways_at_320(open_page: OpenPage, account: Account) -> None:
    world = make_world(account)
    name = "without_a_space_" * 15
    Subscription.objects.update(description=name)
    Destination.objects.update(description=name, state="blocked", error_code="403", error_said=name * 4)
    DeadLetter.objects.update(reason=name)
    page = open_page("about:blank", width=320)

    wide = {}
    for address in addresses_of(page, world):
        page.goto(address)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            wide[address] = width

    assert not wide


# On how many lines the words of each link of the navigation stand.
WORDS = """[...document.querySelectorAll(".bar-nav a")].map((link) => {
  const range = document.createRange();
  range.selectNodeContents(link.firstChild);
  return range.getClientRects().length;
})"""


def dead_letters(account: Account, held: Callable[..., Any], count: int) -> None:
    delivery = held(make_destination(account), 1)
    common = {"account": account, "delivery": delivery, "destination_id": delivery.destination_id, "payload": b"{}"}
    common |= {"subscription_id": delivery.subscription_id, "event_type": HTTP, "code": "413", "reason": "Refused."}
    DeadLetter.objects.bulk_create(
        DeadLetter(position=number, event_id=new_id("ev"), **common) for number in range(count)
    )


@pytest.mark.parametrize("width", [1280, 1200, 768, 390])
def test_the_bar_holds_a_long_name_and_many_dead_letters(
    open_page: OpenPage, check_page: CheckPage, account: Account, held: Callable[..., Any], width: int
) -> None:
    dead_letters(account, held, 100)
    Account.objects.update(name="Acme Edge of all European customers")
    page = open_page("/settings/", width=width)

    check_page(page)
    if width >= 1200:
        words = page.evaluate(WORDS)
        assert len(words) == 7
        assert set(words) == {1}
    else:
        menu = page.locator(".bar-menu > summary").bounding_box()
        assert menu is not None
        assert menu["x"] + menu["width"] <= width
