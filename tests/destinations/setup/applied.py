"""What a kit that was applied to the emulated AWS left there, and whether a test event arrives through it."""

from collections.abc import Callable, Mapping
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


def make_stack(client: Callable[[str], Any], name: str, resource_arn: str, **given: Any) -> str:
    """The role's ARN."""
    formation = client("cloudformation")
    formation.create_stack(StackName=name, Capabilities=["CAPABILITY_NAMED_IAM"], **given)
    (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert outputs["ResourceArn"] == resource_arn
    return str(outputs["RoleArn"])


def make_delivery_stream(client: Callable[[str], Any], resources: Mapping[str, Any]) -> None:
    """With a template's own properties, where it has one: the emulator's CloudFormation makes none."""
    if resource := resources.get("DeliveryStream"):
        client("firehose").create_delivery_stream(**resource["Properties"])


def delete_stack(client: Callable[[str], Any], name: str) -> None:
    """What the template retains on purpose goes by hand."""
    client("cloudformation").delete_stack(StackName=name)
    s3 = client("s3")
    for stream in everything(client)["delivery streams"] & {"new-archive"}:
        client("firehose").delete_delivery_stream(DeliveryStreamName=stream)
    empty_bucket(client)
    for bucket in everything(client)["buckets"] & {BUCKET}:
        s3.delete_bucket(Bucket=bucket)
    for stream in everything(client)["streams"] & {"new-events"}:
        client("kinesis").delete_stream(StreamName=stream)
    for group in everything(client)["groups"] & {"/new/events"}:
        client("logs").delete_log_group(logGroupName=group)
