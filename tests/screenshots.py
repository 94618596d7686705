"""`make screenshots`: every page of the running product, in both themes, at three widths, into screenshots/.

It starts the product in a directory of its own, publishes some traffic, and walks through the pages. `--only TEXT`
takes the pages whose name has it; `--widths 1280 390` and `--themes dark` narrow it further.
"""

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.chromium import ARGUMENTS, find
from tests.product.conftest import Product, wait_until
from tests.product.probe import Probe

OUT = Path(__file__).resolve().parents[1] / "screenshots"
WIDTHS = (1280, 768, 390)
THEMES = ("light", "dark")
HEIGHT = 900
PASSWORD = "correct horse battery staple"

# Name of the picture, address; the first link of a list that fits `{…}` is taken.
PAGES = {
    "overview": "/",
    "subscriptions": "/subscriptions/",
    "subscription": "/subscriptions/{esb}/",
    "subscription-edit": "/subscriptions/{esb}/edit/",
    "subscription-new": "/subscriptions/new/?type=http_request_complete.v0",
    "subscription-delete": "/subscriptions/{esb}/delete/",
    "destinations": "/destinations/",
    "destination": "/destinations/{ed}/",
    "destination-configuration": "/destinations/{ed}/configuration/",
    "destination-arrived": "/destinations/{ed}/arrived/",
    "destination-delete": "/destinations/{ed}/delete/",
    "destination-choose": "/destinations/new/",
    "destination-new-kinesis": "/destinations/new/kinesis/",
    "destination-new-datadog": "/destinations/new/datadog/",
    "destination-new-azure": "/destinations/new/azure_logs_ingestion/",
    "deliveries": "/deliveries/",
    "delivery": "/deliveries/{delivery}/",
    "dead-letters": "/dead-letters/",
    "catalogue": "/catalogue/",
    "event-type": "/catalogue/http_request_complete.v0/",
    "api-keys": "/settings/api-keys/",
    "people": "/settings/people/",
    "roles": "/settings/people/roles/",
    "account": "/settings/account/",
    "account-new": "/account/new/",
    "audit-trail": "/settings/audit/",
    "notifications": "/settings/notifications/",
    "prices": "/settings/prices/",
    "price": "/settings/prices/datadog/",
    "sign-in-security": "/settings/sign-in/",
    "password": "/settings/sign-in/password/",
    "settings": "/settings/",
    "not-found": "/subscriptions/esb_missing/",
}
LINKS = {"{esb}": "/subscriptions/", "{ed}": "/destinations/", "{delivery}": "/deliveries/"}


def options() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--widths", nargs="*", type=int, default=WIDTHS)
    parser.add_argument("--themes", nargs="*", choices=THEMES, default=THEMES)
    return parser.parse_args()


def sign_in(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/sign-in/")
    page.fill("[name=login]", "owner@example.com")
    page.fill("[name=password]", product.password)
    page.click("main button.primary")
    page.fill("[name=new_password1]", PASSWORD)
    page.fill("[name=new_password2]", PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(f"{product.url}/")


def addresses(page: Page, product: Product) -> Iterator[tuple[str, str]]:
    """The pages with their placeholders filled by what is there."""
    found: dict[str, str | None] = {}
    for mark, listed in LINKS.items():
        page.goto(product.url + listed)
        hrefs = page.eval_on_selector_all("main a", "links => links.map(link => link.getAttribute('href'))")
        own = [href for href in hrefs if href.startswith(listed) and href.count("/") == listed.count("/") + 1]
        ids = [href.removeprefix(listed).strip("/") for href in own]
        found[mark] = next((each for each in ids if each and each != "new"), None)
    for name, address in PAGES.items():
        hole = next((each for each in found if each in address), None)
        if hole is None:
            yield name, address
        elif pk := found[hole]:
            yield name, address.replace(hole, pk)
        else:
            sys.stderr.write(f"{name}: nothing to show at {address}.\n")


def take(browser: Browser, product: Product, wanted: Namespace) -> int:
    first = browser.new_page()
    sign_in(first, product)
    state = first.context.storage_state()
    pages = [each for each in addresses(first, product) if wanted.only in each[0]]
    failed = 0
    for theme in wanted.themes:
        for width in wanted.widths:
            context = browser.new_context(
                storage_state=state, viewport={"width": width, "height": HEIGHT}, color_scheme=theme
            )
            page = context.new_page()
            for name, address in pages:
                answer = page.goto(product.url + address)
                is_meant = name == "not-found"
                if answer is None or (not answer.ok and not is_meant):
                    failed += 1
                    sys.stderr.write(f"{name}: {address} answered {answer.status if answer else 'nothing'}.\n")
                page.screenshot(path=OUT / f"{name}-{width}-{theme}.png", full_page=True)
            context.close()
    return failed


def main() -> int:
    wanted = options()
    binary = find()
    if binary is None:
        sys.stderr.write("SKIPPED: no Chromium here; `python -m tests.chromium` tries to fetch one.\n")
        return 0
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="es-shots-") as directory, sync_playwright() as playwright:
        product = Product(Path(directory))
        product.start()
        try:
            product.manage("simulate", "--rate", "400", "--seconds", "5", "--seed", "7")
            probe = Probe(product.environment)
            wait_until(lambda: probe.waiting() == 0, 60)
            failed = take(playwright.chromium.launch(executable_path=binary, args=ARGUMENTS), product, wanted)
        finally:
            product.stop()
    sys.stdout.write(f"{len(list(OUT.glob('*.png')))} pictures in {OUT.name}/.\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
