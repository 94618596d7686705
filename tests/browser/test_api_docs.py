"""The browsable docs in a real browser: they render, and the page's own policy stops nothing that they need."""

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_docs_render_under_the_policy(live_server: LiveServer, browser: Browser) -> None:
    refused: list[str] = []
    page = browser.new_page()
    page.on(
        "console", lambda message: refused.append(message.text) if "Content Security Policy" in message.text else None
    )

    page.goto(f"{live_server.url}/api/docs")
    page.wait_for_selector("#operations-EventDestinations-EventDestinationsCreate")

    page.click("#operations-EventDestinations-EventDestinationsCreate")
    page.wait_for_selector("text=Exactly one target is given")
    assert refused == []
    page.close()
