"""The doctor tells a safe role from an unsafe one, against an STS that evaluates trust policies."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from accounts.models import Account
from destinations.api_trials import trial_resource
from destinations.models import TestRun
from destinations.setup.policies import trust_policy
from destinations.targets._aws import AwsTarget
from destinations.testing import run_test, start_test_run
from tests.trusting_sts import TrustingSts

pytestmark = pytest.mark.django_db

Doctor = Callable[[], dict[str, dict[str, Any]]]

OURS = "arn:aws:iam::999900001111:role/event-delivery"
ROLE = "arn:aws:iam::111122223333:role/acme-events-writer"
CONFIG = {"auth": "role", "role_arn": ROLE, "stream_arn": "arn:aws:kinesis:eu-west-1:111122223333:stream/acme"}


@pytest.fixture
def sts(httpserver: HTTPServer, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TrustingSts:
    server = TrustingSts(httpserver, callers={"AKIAOURSOURSOURSOURS": OURS})
    settings.DEMO, settings.DEMO_AWS_URL = True, server.url
    settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = "AKIAOURSOURSOURSOURS", "our-secret"
    settings.AWS_PRINCIPALS = [OURS]
    monkeypatch.setattr(AwsTarget, "emulated", False)
    # The role may only write.
    server.refuse("GetShardIterator", "AccessDeniedException")
    return server


@pytest.fixture
def steps(account: Account) -> Doctor:
    """Run the doctor, and give its steps by label."""

    def run_doctor() -> dict[str, dict[str, Any]]:
        run = start_test_run(account=account, target="kinesis", config=CONFIG, secrets={})
        run_test(run.pk)
        run.refresh_from_db()
        return {step["label"]: step for step in run.steps}

    return run_doctor


def without_condition(policy: dict[str, Any]) -> dict[str, Any]:
    (statement,) = policy["Statement"]
    return {**policy, "Statement": [{name: value for name, value in statement.items() if name != "Condition"}]}


def test_role_with_our_external_id_is_safe(sts: TrustingSts, account: Account, steps: Doctor) -> None:
    sts.roles[ROLE] = trust_policy(OURS, account.external_id)

    found = steps()

    assert found["Assume the role"]["status"] == "passed"
    assert found["Refuse strangers"]["status"] == "passed"
    assert found["Refuse strangers"]["detail"] == "without it and with a wrong one: both refused, as it should be"
    assert found["Write one record"]["status"] == "passed"


def test_role_without_an_external_id_is_unsafe_and_the_right_policy_is_offered(
    sts: TrustingSts, account: Account, steps: Doctor
) -> None:
    right = trust_policy(OURS, account.external_id)
    sts.roles[ROLE] = without_condition(right)

    strangers = steps()["Refuse strangers"]

    assert strangers["status"] == "warned"
    assert strangers["said"].startswith("AWS let us in WITHOUT the external ID and with a WRONG external ID.")
    assert strangers["copy_words"] == "Copy trust policy"
    assert json.loads(strangers["copy"]) == right
    failure = trial_resource(TestRun.objects.latest("pk"))["failure"]
    assert failure is not None
    assert failure["error_code"] == "ERR_NGROK_5105"


def test_role_that_asks_for_an_external_id_only_if_there_is_one_is_unsafe(
    sts: TrustingSts, account: Account, steps: Doctor
) -> None:
    policy = trust_policy(OURS, account.external_id)
    policy["Statement"][0]["Condition"] = {"StringEqualsIfExists": {"sts:ExternalId": account.external_id}}
    sts.roles[ROLE] = policy

    strangers = steps()["Refuse strangers"]

    assert strangers["status"] == "warned"
    assert strangers["detail"] == "let in without it"


def test_role_that_takes_any_external_id_is_unsafe(sts: TrustingSts, steps: Doctor) -> None:
    policy = trust_policy(OURS, "*")
    policy["Statement"][0]["Condition"] = {"StringLike": {"sts:ExternalId": "*"}}
    sts.roles[ROLE] = policy

    assert steps()["Refuse strangers"]["detail"] == "let in with a wrong one"


@pytest.mark.parametrize(
    "policy",
    [
        trust_policy(OURS, "ac_of_somebody_else"),
        trust_policy("arn:aws:iam::555566667777:role/another-service", "ac_external"),
        {"Statement": []},
    ],
    ids=["another external ID", "another principal", "no statement"],
)
def test_role_that_does_not_let_us_in_fails_with_the_right_policy(
    sts: TrustingSts, account: Account, steps: Doctor, policy: dict[str, Any]
) -> None:
    sts.roles[ROLE] = policy

    found = steps()

    failed = found["Assume the role"]
    assert (failed["status"], failed["code"]) == ("failed", "AccessDenied")
    assert failed["cause"].startswith("AWS gives one answer for five")
    assert json.loads(failed["copy"]) == trust_policy(OURS, account.external_id)
    assert found["Write one record"]["status"] == "skipped"


def test_role_that_denies_us_is_not_entered(sts: TrustingSts, account: Account, steps: Doctor) -> None:
    policy = trust_policy(OURS, account.external_id)
    denial = {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": {}}
    sts.roles[ROLE] = {**policy, "Statement": [*policy["Statement"], denial]}

    assert steps()["Assume the role"]["status"] == "failed"


def test_mended_role_is_found_by_the_same_test(sts: TrustingSts, account: Account) -> None:
    sts.roles[ROLE] = trust_policy(OURS, "ac_of_somebody_else")
    run = start_test_run(account=account, target="kinesis", config=CONFIG, secrets={})
    run_test(run.pk)
    run.refresh_from_db()
    assert run.state == TestRun.State.WAITING

    sts.roles[ROLE] = trust_policy(OURS, account.external_id)
    TestRun.objects.filter(pk=run.pk).update(due_at=run.created_at)
    run_test(run.pk)

    run.refresh_from_db()
    assert run.state == TestRun.State.PASSED
    assert run.config == {}
