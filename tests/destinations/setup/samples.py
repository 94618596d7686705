"""Configurations to make kits of, in the emulator's account."""

from destinations.setup import Options

ACCOUNT = "123456789012"
PRINCIPAL = "arn:aws:iam::999900001111:role/event-delivery"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"

ARNS = {
    "cloudwatch_logs": ("log_group_arn", f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/new/events"),
    "kinesis": ("stream_arn", f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/new-events"),
    "firehose": ("delivery_stream_arn", f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/new-archive"),
}
OPTIONS = {
    "role only": Options(),
    "created": Options(create=True, read_back=True),
    "created, with a key": Options(create=True, kms_key_arn=KEY),
    "created, partitioned": Options(create=True, partition_by_type=True),
}


def config_for(target: str, **given: str) -> dict[str, str]:
    field, arn = ARNS[target]
    return {"auth": "role", field: arn, **given}
