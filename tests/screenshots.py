"""`make screenshots`: every page of the running product, in both themes, at three widths, into screenshots/.

It starts the product in a directory of its own, publishes some traffic, and walks through the pages. `--only TEXT`
takes the pages whose name has it; `--widths 1280 390` and `--themes dark` narrow it further.
"""

import json
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
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
MAKE_TROUBLE = "print(tests.troubles.make())"

# Name of the picture, address; the first link of a list that fits `{…}` is taken.
PAGES = {
    "overview": "/",
    "overview-as-table": "/?range=1h&as=table",
    "find": "/find/?q=acme",
    "find-nothing": "/find/?q=zzzz",
    "subscriptions": "/subscriptions/",
    "subscriptions-none": "/subscriptions/?q=zzzz",
    "subscription": "/subscriptions/{esb}/",
    "subscription-edit": "/subscriptions/{esb}/edit/",
    "subscription-new": "/subscriptions/new/?type=http_request_complete.v0",
    "subscription-revisions": "/subscriptions/{esb}/revisions/",
    "subscription-revision": "/subscriptions/{esb}/revisions/1/",
    "subscription-switch-off": "/subscriptions/{esb}/switch_off/",
    "subscription-delete": "/subscriptions/{esb}/delete/",
    "destinations": "/destinations/",
    "destination": "/destinations/{ed}/",
    "destination-deliveries": "/destinations/{ed}/deliveries/",
    "destination-dead-letters": "/destinations/{ed}/dead-letters/",
    "destination-configuration": "/destinations/{ed}/configuration/",
    "destination-set-up": "/destinations/{ed}/set-up/",
    "destination-arrived": "/destinations/{ed}/arrived/",
    "destination-credentials": "/destinations/{ed}/credentials/",
    "destination-delete": "/destinations/{ed}/delete/",
    "destination-blocked": "/destinations/{blocked}/",
    "destination-resume": "/destinations/{blocked}/resume/",
    "destination-discard": "/destinations/{blocked}/discard/",
    "destination-choose": "/destinations/new/",
    "destination-new-kinesis": "/destinations/new/kinesis/",
    "destination-new-datadog": "/destinations/new/datadog/",
    "destination-new-azure": "/destinations/new/azure_logs_ingestion/",
    "destination-set-up-azure": "/destinations/new/azure_logs_ingestion/set-up/",
    "deliveries": "/deliveries/",
    "deliveries-none": "/deliveries/?state=moved",
    "delivery": "/deliveries/{delivery}/",
    "delivery-waiting": "/deliveries/{waiting}/",
    "events": "/events/",
    "event": "/events/{event}/",
    "event-filtered": "/events/{filtered}/",
    "dead-letters": "/dead-letters/",
    "dead-letter": "/dead-letters/{letter}/",
    "dead-letters-replay": "/dead-letters/replay/?reason=413&destination={blocked}",
    "replays": "/replays/",
    "replay-new": "/replays/new/?event_ids={event}",
    "replay": "/replays/{replay}/",
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
    "admin": "/admin/",
    "admin-deliveries": "/admin/delivery/delivery/",
}
# What comes after the page: without it the picture shows only that it is awaited.
AWAITED = {"subscription-edit": "#backtest-sample", "subscription-new": "#backtest-sample"}


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


def addresses(holes: Mapping[str, str], wanted: str) -> Iterator[tuple[str, str]]:
    """The pages whose name has what is wanted, with their placeholders filled."""
    for name, address in PAGES.items():
        if wanted in name:
            yield name, address.format_map(holes)


def take(browser: Browser, product: Product, wanted: Namespace) -> int:
    first = browser.new_page()
    sign_in(first, product)
    state = first.context.storage_state()
    said = product.manage("shell", "--verbosity", "0", "-c", f"import tests.troubles; {MAKE_TROUBLE}")
    # Among what is logged.
    holes = json.loads(next(line for line in said.splitlines() if line.startswith('{"esb":')))
    pages = list(addresses(holes, wanted.only))
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
                if name in AWAITED:
                    page.locator(AWAITED[name]).wait_for()
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
