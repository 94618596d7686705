"""People in a browser: inviting and joining, the second factor, several accounts, the audit trail."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core import mail
from django.core.cache import cache
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.invitations import invite
from accounts.models import Account, Membership, Role, User
from tests.accounts.test_two_factor import code_of, give_second_factor
from tests.browser.conftest import PATIENCE_MS, THEMES, WIDTHS, CheckPage, OpenPage
from tests.factories import PASSWORD, make_account, make_member

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RunJobs = Callable[..., None]
NewVisitor = Callable[[], Page]
PAGES = [
    "/settings/people/",
    "/settings/people/roles/",
    "/settings/account/",
    "/settings/audit/",
    "/settings/notifications/",
    "/settings/sign-in/",
    "/settings/sign-in/password/",
    "/account/new/",
]


@pytest.fixture(autouse=True)
def _one_address(live_server: LiveServer, settings: Settings) -> None:
    """Links in mail lead to this server, and no try of an earlier test counts."""
    settings.BASE_URL = live_server.url
    cache.clear()


@pytest.fixture
def new_visitor(browser: Browser, live_server: LiveServer) -> Iterator[NewVisitor]:
    """A window of somebody who is not signed in."""
    contexts: list[BrowserContext] = []

    def visit() -> Page:
        context = browser.new_context(base_url=live_server.url)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        return context.new_page()

    yield visit
    for context in contexts:
        context.close()


def sign_in(page: Page, user: User, address: str = "/sign-in/") -> None:
    page.goto(address)
    page.get_by_label("E-mail").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def mailed_link() -> str:
    found = re.search(r"http://\S+/invitations/\S+", str(mail.outbox[-1].body))
    assert found is not None
    return found[0]


def test_an_owner_invites_somebody_who_joins(
    open_page: OpenPage, new_visitor: NewVisitor, run_jobs: RunJobs, account: Account
) -> None:
    page = open_page("/settings/people/")
    page.get_by_label("E-mail").fill("nora@acme.example")
    page.get_by_label("Admin:").check()
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_text("Invited: nora@acme.example.")).to_be_visible()
    run_jobs("mail")

    nora = new_visitor()
    nora.goto(mailed_link())
    nora.get_by_label("Your name").fill("Nora New")
    nora.get_by_label("Password", exact=True).fill("short")
    nora.get_by_label("Password again").fill("short")
    nora.get_by_role("button", name="Join").click()
    expect(nora.get_by_role("alert").first).to_contain_text("1 thing to mend before this lets you in.")
    expect(nora.get_by_label("Your name")).to_have_value("Nora New")
    nora.get_by_label("Password", exact=True).fill(PASSWORD)
    nora.get_by_label("Password again").fill(PASSWORD)
    nora.get_by_role("button", name="Join").click()

    expect(nora.get_by_label("Account Acme Edge")).to_be_visible()
    page.reload()
    expect(page.get_by_role("row", name="Nora New")).to_be_visible()
    expect(page.get_by_text("Invited", exact=True)).to_have_count(0)
    assert account.memberships.get(user__email="nora@acme.example").role == Role.ADMIN


def test_an_existing_person_signs_in_to_join_and_switches_between_accounts(
    new_visitor: NewVisitor, run_jobs: RunJobs, account: Account, owner: User
) -> None:
    other = make_account(name="Acme Staging")
    nora = make_member(other, "nora@acme.example")
    invite(account=account, by=Membership.objects.get(user=owner), email=nora.email, role=Role.VIEWER)
    run_jobs("mail")

    page = new_visitor()
    page.goto(mailed_link())
    page.get_by_role("link", name="Sign in to join").click()
    page.get_by_label("E-mail").fill(nora.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("You are in Acme Edge now, as Viewer.")).to_be_visible()

    page.get_by_label("Account Acme Edge").click()
    page.get_by_role("button", name="Acme Staging").click()
    expect(page.get_by_label("Account Acme Staging")).to_be_visible()


def test_the_second_factor_is_set_up_and_then_asked_for(
    open_page: OpenPage, new_visitor: NewVisitor, owner: User, check_page: CheckPage
) -> None:
    page = open_page("/settings/sign-in/")
    page.get_by_role("link", name="Set up the second factor").click()
    page.get_by_label("Password").fill(PASSWORD)
    check_page(page)
    page.get_by_role("button", name="Go on").click()
    check_page(page)
    secret = page.locator("#secret").inner_text()
    page.get_by_label("Code that the app shows").fill(code_of(secret))
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_text("10 of 10 not used")).to_be_visible()
    check_page(page)
    recovery_code = page.locator("#codes").inner_text().split()[0]

    elsewhere = new_visitor()
    sign_in(elsewhere, owner)
    expect(elsewhere.get_by_role("heading", name="Type the code")).to_be_visible()
    check_page(elsewhere)
    elsewhere.get_by_label("Code").fill("000000")
    elsewhere.get_by_role("button", name="Sign in").click()
    expect(elsewhere.get_by_text("This code is wrong").first).to_be_visible()
    elsewhere.get_by_label("Code").fill(recovery_code)
    elsewhere.get_by_role("button", name="Sign in").click()
    expect(elsewhere.get_by_label("Account Acme Edge")).to_be_visible()

    page.goto("/settings/sign-in/")
    expect(page.get_by_text("On", exact=True)).to_be_visible()


def test_an_account_that_requires_it_leads_to_setting_it_up(
    open_page: OpenPage, account: Account, owner: User, check_page: CheckPage
) -> None:
    account.requires_two_factor = True
    account.save()

    page = open_page("/catalogue/")
    expect(page.get_by_role("heading", name="Acme Edge requires a second factor")).to_be_visible()
    check_page(page)
    give_second_factor(owner)
    page.goto("/catalogue/")

    expect(page.get_by_role("heading", name="Catalogue", level=1)).to_be_visible()


def test_removing_somebody_names_what_follows(open_page: OpenPage, account: Account, viewer: User) -> None:
    page = open_page("/settings/people/")
    page.get_by_role("link", name=f"Remove {viewer.email}").click()
    expect(page.get_by_text("They have no API keys in this account.")).to_be_visible()

    page.get_by_role("button", name="Remove person").click()

    expect(page.get_by_text(f"{viewer.email} is no longer in Acme Edge.")).to_be_visible()
    assert not account.memberships.filter(user=viewer).exists()


def test_the_trail_is_filtered_opened_and_exported(open_page: OpenPage, viewer: User) -> None:
    page = open_page("/settings/people/")
    page.get_by_label(f"Role of {viewer.email}", exact=True).select_option("editor")
    page.get_by_role("button", name=f"Save the role of {viewer.email}").click()
    page.get_by_role("link", name="Audit trail").click()
    page.get_by_label("What").select_option(label="Member role changed")
    page.get_by_role("button", name="Apply").click()

    with page.expect_download() as download:
        page.get_by_role("link", name="Export as NDJSON").click()
    assert '"role": "editor"' in Path(download.value.path()).read_text()
    page.get_by_role("link", name="Member role changed").click()

    expect(page.locator(".diff .del")).to_have_text('  "role": "viewer"')
    expect(page.locator(".diff .add")).to_have_text('  "role": "editor"')
    expect(page.get_by_text("127.0.0.1")).to_be_visible()


def test_everything_works_without_script(open_page: OpenPage, viewer: User) -> None:
    page = open_page("/settings/people/", script=False)
    page.get_by_label(f"Role of {viewer.email}", exact=True).select_option("editor")
    page.get_by_role("button", name=f"Save the role of {viewer.email}").click()

    expect(page.get_by_text(f"{viewer.email} is Editor now.")).to_be_visible()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_accessible(  # noqa: PLR0917 - fixtures
    open_page: OpenPage,
    new_visitor: NewVisitor,
    run_jobs: RunJobs,
    check_page: CheckPage,
    account: Account,
    owner: User,
    viewer: User,
    theme: str,
    width: int,
) -> None:
    invite(account=account, by=Membership.objects.get(user=owner), email="nora@acme.example", role=Role.VIEWER)
    run_jobs("mail")
    page = open_page(PAGES[0], theme=theme, width=width)

    for address in [*PAGES, f"/settings/people/{viewer.pk}/remove/", f"/settings/people/{owner.pk}/remove/"]:
        page.goto(address)
        check_page(page)
    page.goto("/settings/audit/")
    page.locator("tbody th a").first.click()
    check_page(page)
    for address in (mailed_link(), "/invitations/gone/", "/sign-in/"):
        stranger = new_visitor()
        stranger.set_viewport_size({"width": width, "height": 800})
        stranger.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        stranger.goto(address)
        check_page(stranger)
