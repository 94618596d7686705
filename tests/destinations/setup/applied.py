"""What a kit that was applied to the emulated AWS left there, and whether a test event arrives through it."""

from collections.abc import Callable
from typing import Any

from accounts.models import Account
from destinations.models import TestRun
from destinations.opening import open_target
from destinations.testing import run_test, start_test_run
from tests.destinations.setup.samples import config_for

BUCKET = "new-archive-123456789012"


def everything(client: Callable[[str], Any]) -> dict[str, set[str]]:
    """What the emulator holds, by kind."""
    groups = client("logs").describe_log_groups()["logGroups"]
    return {
        "roles": {role["RoleName"] for role in client("iam").list_roles()["Roles"]},
        "streams": set(client("kinesis").list_streams()["StreamNames"]),
        "groups": {group["logGroupName"] for group in groups},
        "delivery streams": set(client("firehose").list_delivery_streams()["DeliveryStreamNames"]),
        "buckets": {bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]},
    }


def assert_a_test_event_arrives(account: Account, target: str, role_arn: str) -> None:
    config = config_for(target, role_arn=role_arn)
    run = start_test_run(account=account, target=target, config=config, secrets={})
    run_test(run.pk)

    run.refresh_from_db()
    assert run.state == TestRun.State.PASSED, run.steps
    opened = open_target(target, config, {}, account)
    assert bytes(run.record) in [arrival.data for arrival in opened.arrivals(10)]
    opened.close()


def empty_bucket(client: Callable[[str], Any]) -> None:
    s3 = client("s3")
    for name in everything(client)["buckets"] & {BUCKET}:
        for item in s3.list_objects_v2(Bucket=name).get("Contents", []):
            s3.delete_object(Bucket=name, Key=item["Key"])
