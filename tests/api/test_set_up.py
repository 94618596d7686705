"""Set-up kits through the API."""

import pytest
from pytest_django.fixtures import Settings

from accounts.models import Account
from tests.api.calling import KINESIS, Api, assert_error

ARN = "arn:aws:kinesis:eu-west-1:111122223333:stream/acme"


@pytest.fixture(autouse=True)
def _identity(settings: Settings) -> None:
    settings.AWS_PRINCIPALS = ["arn:aws:iam::999900001111:role/event-delivery"]


def test_saved_destination_has_its_kit_and_nobody_elses(api: Api, stranger_api: Api, account: Account) -> None:
    made = api.destination(target=KINESIS)
    path = f"/event_destinations/{made['id']}/set_up"

    kit = api.get(f"{path}?create=true").json()

    script = next(part for part in kit["parts"] if part["slug"] == "script")
    assert script["filename"] == "set-up-kinesis.sh"
    assert account.external_id in script["text"]
    assert "aws kinesis create-stream" in script["text"]
    assert_error(stranger_api.get(path), 5103, 404)


def test_kit_can_be_had_before_the_destination(api: Api) -> None:
    kit = api.get(f"/event_destination_set_ups/kinesis?arn={ARN}").json()

    assert kit["summary"].startswith("Makes the role acme-writer")
    assert [part["slug"] for part in kit["parts"]] == ["script", "cloudformation", "terraform", "console", "policies"]


@pytest.mark.parametrize(
    ("path", "code", "status"),
    [
        ("fax", 236, 404),
        ("kinesis", 5122, 400),
        ("kinesis?arn=acme", 5122, 400),
        (f"kinesis?arn={ARN}&kms_key_arn=mine", 5122, 400),
        (f"kinesis?arn={ARN}&created=true", 231, 400),
    ],
)
def test_what_no_kit_can_be_made_of_is_said(api: Api, path: str, code: int, status: int) -> None:
    assert_error(api.get(f"/event_destination_set_ups/{path}"), code, status)
