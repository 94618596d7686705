"""What exists at the emulated services, and the destinations that reach it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

REGION = "eu-west-1"
ACCOUNT = "123456789012"
STREAM = "acme-events"
SHARDS = 2
LOG_GROUP = "/acme/events"
DELIVERY_STREAM = "acme-events-archive"
BUCKET = "acme-events-archive"
ROLE = "acme-events-writer"

STREAM_ARN = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{STREAM}"
LOG_GROUP_ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{LOG_GROUP}"
DELIVERY_STREAM_ARN = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{DELIVERY_STREAM}"
BUCKET_ARN = f"arn:aws:s3:::{BUCKET}"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"

# Credentials that begin like this are refused, as the real services refuse unknown ones.
WRONG = "wrong"

BY_ROLE = {"auth": "role", "role_arn": ROLE_ARN, "aws_access_key_id": ""}


@dataclass(frozen=True, slots=True)
class DemoDestination:
    """A destination of the sample account."""

    target: str
    description: str
    config: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


DEMO_DESTINATIONS = (
    DemoDestination("kinesis", "Traffic to SIEM", {**BY_ROLE, "stream_arn": STREAM_ARN, "partition_key": ""}),
    DemoDestination("cloudwatch_logs", "Events in CloudWatch", {**BY_ROLE, "log_group_arn": LOG_GROUP_ARN}),
    DemoDestination("firehose", "Archive in S3", {**BY_ROLE, "delivery_stream_arn": DELIVERY_STREAM_ARN}),
    DemoDestination(
        "datadog",
        "Datadog EU",
        {"site": "datadoghq.eu", "service": "acme-events", "ddtags": "env:prod,team:edge"},
        {"api_key": "0123456789abcdef0123456789abcdef"},
    ),
    DemoDestination(
        "azure_logs_ingestion",
        "Azure Sentinel",
        {
            "tenant_id": "5f6a1c2e-8d3b-4b7e-9a10-2c4d6e8f0a1b",
            "client_id": "b3e2d1c0-4f5a-4c6b-8d7e-9f0a1b2c3d4e",
            "logs_ingestion_uri": "https://acme-events-x7k2.westeurope-1.ingest.monitor.azure.com",
            "data_collection_rule_id": "dcr-3f2b8c9d7e6a5f4b3c2d1e0f9a8b7c6d",
            "data_collection_stream_name": "Custom-AcmeEvents_CL",
        },
        {"client_secret": "Q8x~demo.secret-of-the-sample-account_0"},
    ),
)
