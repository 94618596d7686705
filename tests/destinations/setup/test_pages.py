"""The set-up's pages and command: kits fill in as one types, keep secrets out, and belong to one account."""

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts.models import Account
from tests.destinations.setup.samples import ARNS, PRINCIPAL, config_for
from tests.factories import make_destination

NEW = "/destinations/new/kinesis/set-up/"
ARN = {"target-stream_arn": ARNS["kinesis"][1]}
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _identity(settings: Settings) -> None:
    settings.AWS_PRINCIPALS = [PRINCIPAL]


def test_kit_fills_in_with_what_stands_in_the_form(owner_client: Client, account: Account) -> None:
    page = owner_client.get(NEW, ARN, headers=HTMX).content.decode()

    assert "<html" not in page
    assert "Makes the role new-events-writer" in page
    assert account.external_id in page


def test_empty_form_says_what_is_needed(owner_client: Client) -> None:
    assert "Enter the ARN of the stream" in owner_client.get(NEW, headers=HTMX).content.decode()


def test_page_answers_fully_without_htmx(owner_client: Client) -> None:
    page = owner_client.get(NEW, ARN | {"part": "terraform"}).content.decode()

    assert "<html" in page
    assert "aws_iam_role" in page


def test_links_keep_what_was_typed(owner_client: Client) -> None:
    page = owner_client.get(NEW, ARN | {"create": "on"}, headers=HTMX).content.decode()

    assert "target-stream_arn=arn%3Aaws%3Akinesis" in page
    assert "create=on&amp;part=cloudformation" in page


def test_secrets_are_neither_read_nor_shown(owner_client: Client) -> None:
    given = ARN | {"target-aws_secret_access_key": "a-secret-that-was-typed"}

    assert "a-secret-that-was-typed" not in owner_client.get(NEW, given, headers=HTMX).content.decode()


def test_what_is_typed_is_escaped(owner_client: Client) -> None:
    page = owner_client.get(NEW, {"target-stream_arn": "<script>alert(1)</script>"}).content.decode()

    assert "<script>alert" not in page


def test_file_is_downloaded(owner_client: Client) -> None:
    answer = owner_client.get(NEW, ARN | {"part": "script", "download": "1"})

    assert answer["Content-Disposition"] == 'attachment; filename="set-up-kinesis.sh"'
    assert answer.content.startswith(b"#!/usr/bin/env bash\n")
    assert owner_client.get(NEW, ARN | {"part": "console", "download": "1"}).status_code == 404


def test_saved_destination_has_its_kit(owner_client: Client, account: Account) -> None:
    destination = make_destination(account, target="kinesis", config=config_for("kinesis"), secrets={})
    address = reverse("destinations:set_up", args=[destination.pk])

    assert "new-events-writer" in owner_client.get(address, {"part": "policies"}).content.decode()
    fragment = owner_client.get(address, {"create": "on"}, headers=HTMX).content.decode()
    assert "<html" not in fragment
    assert f'hx-get="{address}"' in fragment
    assert "makes the stream too" in fragment


def test_strangers_viewers_and_visitors_are_kept_out(
    stranger_client: Client, viewer_client: Client, account: Account
) -> None:
    destination = make_destination(account, target="kinesis", config=config_for("kinesis"), secrets={})
    address = reverse("destinations:set_up", args=[destination.pk])

    assert stranger_client.get(address).status_code == 404
    assert viewer_client.get(address).status_code == 200
    assert viewer_client.get(NEW).status_code == 403
    assert Client().get(address).status_code == 302
    assert viewer_client.post(address).status_code == 405


def test_s3_is_a_choice_of_its_own_whose_kit_makes_everything(owner_client: Client) -> None:
    page = owner_client.get("/destinations/new/").content.decode()
    assert "S3 (through Firehose)" in page
    assert "/destinations/new/firehose/?choice=s3&amp;create=on&amp;read_back=on" in page

    headers = HTMX | {"HX-Current-URL": "http://testserver/destinations/new/firehose/?choice=s3&create=on&read_back=on"}
    typed = {"target-delivery_stream_arn": ARNS["firehose"][1]}
    new = "/destinations/new/firehose/set-up/"
    kit = owner_client.get(new, typed | {"part": "terraform"}, headers=headers).content.decode()
    assert "aws_s3_bucket" in kit

    unticked = owner_client.get(new, typed | {"part": "terraform", "options": "1"}, headers=headers).content.decode()
    assert "aws_s3_bucket" not in unticked


def test_what_stands_in_the_form_counts_before_what_the_last_kit_was_made_of(owner_client: Client) -> None:
    old = ARNS["kinesis"][1].replace("new-events", "old-events")

    page = owner_client.get(NEW, {"target-stream_arn": [ARNS["kinesis"][1], old]}, headers=HTMX).content.decode()

    assert "new-events-writer" in page
    assert "old-events" not in page


def test_link_to_another_part_counts_before_the_part_that_is_shown(owner_client: Client) -> None:
    page = owner_client.get(NEW, ARN | {"part": ["terraform", "script"]}, headers=HTMX).content.decode()

    assert "aws_iam_role" in page


def test_unknown_target_is_missing(owner_client: Client) -> None:
    assert owner_client.get("/destinations/new/fax/set-up/").status_code == 404


def test_command_prints_one_part_only(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("setup_kit", "kinesis", account=account.pk, arn=ARNS["kinesis"][1], part="script")

    assert capsys.readouterr().out.startswith("#!/usr/bin/env bash\n")


def test_command_makes_bucket_stream_and_role_for_s3(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("setup_kit", "s3", account=account.pk, arn=ARNS["firehose"][1])

    printed = capsys.readouterr().out
    assert "=== CloudFormation" in printed
    assert "AWS::S3::Bucket" in printed
    assert "SeeTestEvents" in printed


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"account": "ac_missing", "arn": ARNS["kinesis"][1]}, "There is no account"),
        ({"arn": "acme"}, "is not an ARN"),
        ({"arn": ARNS["kinesis"][1], "part": "pipeline"}, "has no pipeline"),
    ],
)
def test_command_says_what_is_wrong(account: Account, given: dict[str, str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("setup_kit", "kinesis", **{"account": account.pk, **given})
