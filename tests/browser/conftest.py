"""A person with a real browser before the product: pages over HTTP, queues in a real Redis, jobs done on command."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer
from redis import Redis

from accounts.models import User
from common import wake
from delivery.workers import work
from tests.chromium import ARGUMENTS, find
from tests.factories import BACKEND

THEMES = ("light", "dark")
WIDTHS = (1280, 390)
# An expectation ends as soon as it holds; a machine with other work may need long for that.
PATIENCE_MS = 30_000

CheckPage = Callable[[Page], None]
OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    binary = find()
    if binary is None:
        pytest.skip("There is no Chromium here; `python -m tests.chromium` tries to fetch one.")
    return {**browser_type_launch_args, "executable_path": binary, "args": ARGUMENTS}


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer, redis: Redis, owner: User) -> Iterator[OpenPage]:
    """Opens an address as the owner, in a fresh window: `open_page("/", theme="dark", width=390, script=False)`.

    `touch` gives a device without a mouse, where nothing can be pointed at.
    """
    contexts: list[BrowserContext] = []
    expect.set_options(timeout=PATIENCE_MS)

    def visit(
        address: str, *, theme: str = "light", width: int = 1280, script: bool = True, touch: bool = False
    ) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": 800},
            color_scheme="dark" if theme == "dark" else "light",
            java_script_enabled=script,
            has_touch=touch,
            is_mobile=touch,
        )
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([{"name": "sessionid", "value": _session_of(owner), "url": live_server.url}])
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        return page

    yield visit
    for context in contexts:
        context.close()


def _session_of(user: User) -> str:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client.cookies["sessionid"].value


@pytest.fixture
def run_jobs(redis: Redis) -> Callable[..., None]:
    """Lets a worker do what waits in the named queues, then returns."""

    def run(*queues: str) -> None:
        for queue in queues:
            work(queue, burst=True)

    return run


@pytest.fixture
def check_page() -> CheckPage:
    """Fails with what axe finds on a page, or when it can be scrolled sideways."""

    def check(page: Page) -> None:
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "It scrolls sideways."

    return check


@pytest.fixture(autouse=True)
def _queue(redis: Redis, queue_server: str, settings: Settings) -> Iterator[None]:
    settings.REDIS_URL = queue_server
    wake.connection.cache_clear()
    yield
    wake.connection.cache_clear()
