"""Each target's wizard: a test that fails for the reason that people meet, mended in the form, and one that passes."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from accounts.models import Account
from destinations.emulators import resources
from destinations.models import Destination
from destinations.targets import all_targets
from tests.browser.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RunJobs = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Wizard:
    """What is typed by the label of its field, one thing of it wrong at first, and what the page says then."""

    typed: dict[str, str]
    wrong: tuple[str, str]
    said: str
    chosen: dict[str, str] = field(default_factory=dict)


BY_ROLE = {"Role ARN": resources.ROLE_ARN}
AZURE = next(each for each in resources.DEMO_DESTINATIONS if each.target == "azure_logs_ingestion")
WIZARDS = {
    "cloudwatch_logs": Wizard(
        {"Log group ARN": resources.LOG_GROUP_ARN, **BY_ROLE},
        ("Log group ARN", resources.LOG_GROUP_ARN.replace(resources.LOG_GROUP, "/acme/no-such-group")),
        "no-such-group",
    ),
    "kinesis": Wizard(
        {"Stream ARN": resources.STREAM_ARN, **BY_ROLE},
        ("Stream ARN", resources.STREAM_ARN.replace(resources.STREAM, "no-such-stream")),
        "no-such-stream",
    ),
    "firehose": Wizard(
        {"Delivery stream ARN": resources.DELIVERY_STREAM_ARN, **BY_ROLE},
        ("Delivery stream ARN", resources.DELIVERY_STREAM_ARN.replace(resources.DELIVERY_STREAM, "no-such-stream")),
        "no-such-stream",
    ),
    "datadog": Wizard(
        {"API key": "0123456789abcdef0123456789abcdef"},
        ("API key", f"{resources.WRONG}0123456789abcdef0123456789"),
        "Forbidden",
        {"Site": "datadoghq.eu"},
    ),
    "azure_logs_ingestion": Wizard(
        {
            "Logs ingestion URI": AZURE.config["logs_ingestion_uri"],
            "Data collection rule": AZURE.config["data_collection_rule_id"],
            "Stream name": AZURE.config["data_collection_stream_name"],
            "Tenant ID": AZURE.config["tenant_id"],
            "Client ID": AZURE.config["client_id"],
            "Client secret": AZURE.secrets["client_secret"],
        },
        ("Client secret", f"{resources.WRONG}-secret-0123456789"),
        "Invalid client secret provided",
    ),
}


@pytest.fixture
def services(settings: Settings, aws_url: str, datadog_url: str, azure_url: str) -> None:
    settings.DEMO = True
    settings.DEMO_AWS_URL, settings.DEMO_DATADOG_URL, settings.DEMO_AZURE_URL = aws_url, datadog_url, azure_url


def test_there_is_a_wizard_for_every_target() -> None:
    assert set(WIZARDS) == set(all_targets())


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("target", WIZARDS)
def test_a_destination_is_chosen_tested_in_vain_mended_tested_and_saved(
    open_page: OpenPage, run_jobs: RunJobs, account: Account, target: str
) -> None:
    wizard, address = WIZARDS[target], reverse("destinations:create", args=[target])
    page = open_page("/destinations/new/")
    page.locator(f'main a[href="{address}"]').click()
    page.get_by_label("Name", exact=True).fill("Made in the browser")
    for label, value in wizard.chosen.items():
        page.get_by_label(label).select_option(value)
    for label, value in {**wizard.typed, wizard.wrong[0]: wizard.wrong[1]}.items():
        fill(page, label, value)

    send_test(page, run_jobs)
    expect(page.locator("#test-run")).to_have_attribute("data-run-state", "failed")
    expect(page.locator("#test-run")).to_contain_text(wizard.said)
    expect(page.locator("#test-run").get_by_text("Remedy").first).to_be_visible()
    assert not Destination.objects.exists()

    fill(page, wizard.wrong[0], wizard.typed[wizard.wrong[0]])
    send_test(page, run_jobs)
    expect(page.locator("#test-run")).to_have_attribute("data-run-state", re.compile("passed|warned"))

    page.get_by_role("button", name="Save destination").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Made in the browser")
    assert Destination.objects.get(account=account).target == target


def fill(page: Page, label: str, value: str) -> None:
    page.locator("#destination-form").get_by_label(label, exact=True).fill(value)


def send_test(page: Page, run_jobs: RunJobs) -> None:
    """Press, wait until the new run is shown, and let the worker do it."""
    button = page.get_by_role("button", name="Send test event")
    with page.expect_response("**/send_test/**") as answer:
        button.click()
    assert answer.value.ok
    expect(page.locator("#test-run[data-run-state=queued], #test-run[data-run-state=running]")).to_be_visible()
    run_jobs("interactive")
