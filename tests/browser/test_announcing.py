"""What screen readers are told while something goes on: by a region that stays, in words that change seldom."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.audit import SYSTEM
from accounts.models import Account
from delivery.models import Replay
from delivery.replay import start_replay
from delivery.replay_scope import Wanted
from destinations.models import TestRun
from destinations.testing import StepReport
from events.publishing import publish
from tests.browser.conftest import CheckPage, OpenPage
from tests.factories import HTTP, make_destination, make_event, make_subscription
from tests.world import REPLAYED

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RunJobs = Callable[..., None]
# Every text that the region gets is kept, and so is the region: one that takes its place would be silent.
LISTEN = """() => {
  const region = document.querySelector("#say");
  const said = [];
  new MutationObserver(() => region.textContent.trim() && said.push(region.textContent.trim()))
    .observe(region, { childList: true, characterData: true, subtree: true });
  window.heard = { region, said };
}"""
HEARD = "heard.region === document.querySelector('#say') && heard.region.isConnected ? heard.said : 'replaced'"
SWAPPED = """(id) => new Promise((done) => {
  document.addEventListener("htmx:afterSettle", ({ detail }) => detail.target.id === id && done());
})"""


def live_nodes(page: Page) -> list[dict[str, Any]]:
    """The nodes with the role status that the browser hands to assistive technology."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    return [each for each in nodes if not each["ignored"] and each["role"]["value"] == "status"]


def test_a_replay_is_told_by_quarters_and_at_its_end(
    open_page: OpenPage, check_page: CheckPage, account: Account
) -> None:
    place = make_destination(account)
    publish([make_event()], account=account)
    replay = start_replay(Wanted(make_subscription(account, place), place, *REPLAYED), actor=SYSTEM)
    Replay.objects.update(batches_total=100)
    page = open_page(f"/replays/{replay.pk}/")
    page.evaluate(LISTEN)

    for done in (10, 30, 40, 55):
        Replay.objects.update(batches_done=done, matched=done)
        page.evaluate(SWAPPED, "progress")
        expect(page.locator("#progress-words")).to_contain_text(f"{done} of 100")
    Replay.objects.update(batches_done=100, matched=100, state="done", finished_at=timezone.now())
    expect(page.locator("#progress")).to_contain_text("Done")

    said = [text.replace("\u202f", " ") for text in page.evaluate(HEARD)]
    assert said == [
        "Replay: 30 %, 30 records sent on",
        "Replay: 55 %, 55 records sent on",
        "Replay: Done, 100 records sent on",
    ]
    [region] = live_nodes(page)
    assert {each["name"]: each["value"]["value"] for each in region["properties"]}["live"] == "polite"
    check_page(page)


def test_steps_of_a_test_event_are_told_by_quarters(open_page: OpenPage, account: Account) -> None:
    page = open_page(f"/destinations/{make_destination(account).pk}/")
    page.get_by_role("button", name="Send test event").click()
    expect(page.locator("#test-run")).to_be_visible()
    page.evaluate(LISTEN)

    for passed in (1, 2, 3, 4):
        steps = [asdict(StepReport("Step", "passed" if number < passed else "waiting")) for number in range(4)]
        over = {"state": "passed", "finished_at": timezone.now()} if passed == len(steps) else {"state": "running"}
        TestRun.objects.update(steps=steps, **over)
        expect(page.locator("#test-run .passed")).to_have_count(passed)

    quarters = [f"Test event: {done} of 4 steps" for done in (1, 2, 3)]
    assert page.evaluate(HEARD) == [*quarters, "Test event: 4 of 4 steps passed"]


def test_an_open_dialog_takes_the_region_in(open_page: OpenPage, run_jobs: RunJobs, account: Account) -> None:
    """All that lies outside a modal dialog is hidden from assistive technology."""
    place = make_destination(account)
    publish([make_event()], account=account)
    page = open_page(f"/subscriptions/new/?type={HTTP}&destination={place.pk}")
    expect(page.locator("#backtest")).to_contain_text("counting")
    run_jobs("interactive")
    page.locator(f"#sample-test-{place.pk}").click()
    expect(page.locator("dialog[open] #test-run")).to_be_visible()
    page.evaluate(LISTEN)
    assert len(live_nodes(page)) == 1

    TestRun.objects.update(state="passed", finished_at=timezone.now())
    expect(page.locator("#test-run")).to_have_attribute("data-run-state", "passed")
    assert page.evaluate(HEARD)[-1].startswith("Test event: 0 of")
    page.keyboard.press("Escape")

    expect(page.locator("body > #say")).to_have_count(1)
    assert len(live_nodes(page)) == 1
    page.locator("#add-sources").click()
    expect(page.locator("dialog[open] .picker")).to_be_visible()
    page.get_by_role("button", name="Close").or_(page.get_by_role("button", name="Cancel")).first.click()
    expect(page.locator("body > #say")).to_have_count(1)


def test_adding_a_source_tells_that_the_draft_is_saved(open_page: OpenPage, account: Account) -> None:
    page = open_page(f"/subscriptions/new/?type={HTTP}")
    page.locator("#add-sources").click()
    expect(page.locator("dialog[open] .picker")).to_be_visible()
    page.evaluate(LISTEN)

    page.locator("dialog input[type=checkbox]:enabled:not([data-all])").first.check()
    page.locator("dialog [data-verb]").click()

    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("body > #say")).to_have_text("Draft saved")
    assert page.evaluate(HEARD)[-1] == "Draft saved"
