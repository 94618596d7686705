"""AWS, emulated by moto: its server in a thread, and the resources that the sample account writes to."""

import json
import logging
import socket
from collections.abc import Callable
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from destinations.emulators import resources
from destinations.emulators.receivers import HOST

EXISTS = {
    "BucketAlreadyExists",
    "BucketAlreadyOwnedByYou",
    "EntityAlreadyExists",
    "ResourceAlreadyExistsException",
    "ResourceInUseException",
}


class EmulatorMissingError(Exception):
    """moto is not installed: it comes with the demo requirements only."""


class AwsServer(Protocol):
    def get_host_and_port(self) -> tuple[str, int]: ...
    def stop(self) -> None: ...


def start_aws(port: int) -> AwsServer:
    """Raises OSError when the port is taken, EmulatorMissingError without moto."""
    try:
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - only with the demo requirements
    except ImportError as error:
        raise EmulatorMissingError("moto is not installed. Install requirements-demo.lock.") from error
    if port:
        # The server's own thread would fail unseen.
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=HOST, port=port, verbose=False)
    server.start()
    return server


def url_of(server: AwsServer) -> str:
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def create_resources(url: str) -> None:
    """Make what is not there yet."""
    session = boto3.session.Session("demo", "demo", region_name=resources.REGION)

    def client(service: str) -> Any:
        options: dict[str, Any] = {"ignore_configured_endpoint_urls": True, "s3": {"addressing_style": "path"}}
        return session.client(service, endpoint_url=url, config=Config(**options))

    iam, s3 = client("iam"), client("s3")
    _ensure(iam.create_role, RoleName=resources.ROLE, AssumeRolePolicyDocument=json.dumps(_trust_policy()))
    _ensure(client("kinesis").create_stream, StreamName=resources.STREAM, ShardCount=resources.SHARDS)
    _ensure(client("logs").create_log_group, logGroupName=resources.LOG_GROUP)
    _ensure(
        s3.create_bucket,
        Bucket=resources.BUCKET,
        CreateBucketConfiguration={"LocationConstraint": resources.REGION},
    )
    _ensure(
        client("firehose").create_delivery_stream,
        DeliveryStreamName=resources.DELIVERY_STREAM,
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration={"RoleARN": resources.ROLE_ARN, "BucketARN": resources.BUCKET_ARN},
    )


def _ensure(create: Callable[..., Any], **given: Any) -> None:
    try:
        create(**given)
    except ClientError as error:
        if error.response["Error"]["Code"] not in EXISTS:
            raise


def _trust_policy() -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{resources.ACCOUNT}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
