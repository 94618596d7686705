from collections.abc import Mapping

import pytest
from pytest_django.fixtures import Settings

from destinations.targets.cloudwatch_logs import CloudWatchLogsForm
from destinations.targets.kinesis import KinesisForm
from tests.destinations.targets.samples import BY_KEYS, BY_ROLE, KEY_SECRETS, SECRET

STREAM = {"stream_arn": "arn:aws:kinesis:eu-west-1:111122223333:stream/acme-events", "partition_key": ""}
GROUP_ARN = "arn:aws:logs:eu-west-1:111122223333:log-group:/acme/events"


def form_of(data: Mapping[str, str], **options: Mapping[str, str]) -> KinesisForm:
    return KinesisForm({f"target-{name}": value for name, value in data.items()}, **options)


def test_form_asks_for_a_role_or_for_keys_and_forgets_the_other() -> None:
    by_role = form_of({**BY_ROLE, **STREAM, "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", **KEY_SECRETS})
    by_keys = form_of({**BY_KEYS, **STREAM, **KEY_SECRETS, "role_arn": BY_ROLE["role_arn"]})

    assert by_role.is_valid(), by_role.errors
    assert by_role.config() == {**BY_ROLE, **STREAM}
    assert by_role.secrets() == {}
    assert by_keys.is_valid(), by_keys.errors
    assert by_keys.config() == {**BY_KEYS, **STREAM}
    assert by_keys.secrets() == KEY_SECRETS


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"role_arn": ""}, "role_arn", "Enter the role ARN, or choose access keys."),
        ({"role_arn": "arn:aws:sts::111122223333:assumed-role/a/b"}, "role_arn", "a session of a role"),
        ({"role_arn": "arn:aws-cn:iam::111122223333:role/a"}, "role_arn", "Roles can't cross partitions"),
        ({"stream_arn": ""}, "stream_arn", "This field is required."),
        ({"auth": "keys"}, "aws_access_key_id", "Enter the access key ID, or choose a role."),
        ({**BY_KEYS, "aws_access_key_id": "ASIAIOSFODNN7EXAMPLE"}, "aws_access_key_id", "is temporary"),
        ({**BY_KEYS, "aws_access_key_id": "me"}, "aws_access_key_id", "me is not an access key ID"),
        (BY_KEYS, "aws_secret_access_key", "Enter the secret access key."),
        ({**BY_KEYS, "aws_secret_access_key": "AKIAIOSFODNN7EXAMPLE"}, "aws_secret_access_key", "This is a key ID."),
        ({**BY_KEYS, "aws_secret_access_key": "two words"}, "aws_secret_access_key", "has no spaces"),
    ],
)
def test_form_names_the_mistake(changed: Mapping[str, str], field: str, said: str) -> None:
    form = form_of({**BY_ROLE, **STREAM, **changed})

    assert not form.is_valid()
    assert said in " ".join(map(str, form.errors[field]))


def test_form_keeps_the_stored_secret_until_the_key_id_changes() -> None:
    stored = {**BY_KEYS, **STREAM}

    same = form_of(stored, stored=stored, stored_secrets=KEY_SECRETS)
    moved = form_of(stored | {"aws_access_key_id": "AKIA2222222222222222"}, stored=stored, stored_secrets=KEY_SECRETS)

    assert same.is_valid(), same.errors
    assert same.secrets() == KEY_SECRETS
    assert SECRET not in str(same)
    assert moved.errors["aws_secret_access_key"] == [
        "Type the secret access key again: it was stored for another access key ID."
    ]


def test_log_group_form_leaves_off_the_star_and_says_so() -> None:
    data = {**BY_ROLE, "log_group_arn": f"{GROUP_ARN}:*"}
    form = CloudWatchLogsForm({f"target-{name}": value for name, value in data.items()})

    assert form.is_valid(), form.errors
    assert form.config()["log_group_arn"] == GROUP_ARN
    assert "We left that off." in form.notices["log_group_arn"]


def test_form_refuses_a_role_of_another_account_where_requests_name_none() -> None:
    data = {**BY_ROLE, "log_group_arn": GROUP_ARN.replace("111122223333", "444455556666")}
    form = CloudWatchLogsForm({f"target-{name}": value for name, value in data.items()})

    assert "Use a role of account 444455556666." in str(form.errors["role_arn"][0])


@pytest.mark.parametrize("field", ["role_arn", "stream_arn"])
def test_form_refuses_what_is_in_our_own_account(settings: Settings, field: str) -> None:
    settings.AWS_PRINCIPALS = ["arn:aws:iam::999900001111:role/event-delivery"]
    data = {**BY_ROLE, **STREAM}

    form = form_of({**data, field: data[field].replace("111122223333", "999900001111")})

    assert form_of(data).is_valid()
    assert "999900001111 is this service's own AWS account." in str(form.errors[field][0])
