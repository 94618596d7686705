"""Lists as a browser shows them."""

from playwright.sync_api import Locator, Page


def rows_of(page: Page) -> Locator:
    return page.locator("#results tbody tr:not(.band)")
