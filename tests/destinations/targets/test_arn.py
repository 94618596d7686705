import pytest

from destinations.targets._arn import DELIVERY_STREAM, LOG_GROUP, ROLE, STREAM, ArnError, Kind, check_arn, name_of

STREAM_ARN = "arn:aws:kinesis:eu-west-1:111122223333:stream/acme-events"


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        (STREAM_ARN, STREAM, "acme-events"),
        ("arn:aws-cn:kinesis:cn-north-1:111122223333:stream/a.b_c", STREAM, "a.b_c"),
        ("arn:aws-us-gov:firehose:us-gov-west-1:111122223333:deliverystream/acme", DELIVERY_STREAM, "acme"),
        ("arn:aws-eusc:logs:eusc-de-east-1:111122223333:log-group:/acme/events", LOG_GROUP, "/acme/events"),
        ("arn:aws:iam::111122223333:role/team/edge/writer", ROLE, "writer"),
    ],
)
def test_check_arn_accepts_every_partition(text: str, kind: Kind, name: str) -> None:
    arn = check_arn(text, kind)

    assert str(arn) == text
    assert name_of(arn, kind) == name


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("acme-events", STREAM, "acme-events is not an ARN. For a Kinesis stream it looks like arn:aws:kinesis:"),
        (
            "arn:aws:firehose:eu-west-1:111122223333:deliverystream/acme",
            STREAM,
            "This is the ARN of a Firehose delivery stream. For Kinesis it looks like "
            "arn:aws:kinesis:REGION:ACCOUNT:stream/NAME. To send to Firehose, choose Firehose as the target.",
        ),
        (f"{STREAM_ARN}/consumer/app:1700000000", STREAM, "a consumer of a Kinesis stream. For Kinesis"),
        ("arn:aws:s3:::acme-archive", DELIVERY_STREAM, "To reach S3, choose Firehose as the target"),
        (
            "arn:aws:logs:eu-west-1:111122223333:log-group:/a:log-stream:b",
            LOG_GROUP,
            "This is the ARN of a log stream.",
        ),
        ("arn:aws:sts::111122223333:assumed-role/writer/me", ROLE, "This is the ARN of a session of a role."),
        ("arn:aws:iam::111122223333:user/me", ROLE, "This is the ARN of an IAM user."),
        ("arn:aws:iam::111122223333:root", ROLE, "This is the ARN of an AWS account."),
        ("arn:aws:dynamodb:eu-west-1:111122223333:table/a", STREAM, "This is the ARN of something in dynamodb."),
        ("arn:aws:kinesis:eu-west-1:1111:stream/acme", STREAM, "has 1111 where the account belongs"),
        ("arn:aws:kinesis:eu-west-1:111122223333:stream/a b", STREAM, "a name has 1 to 128 letters"),
        ("arn:aws:kinesis:mars:111122223333:stream/acme", STREAM, "There is no AWS Region mars"),
        ("arn:aws:kinesis:cn-north-1:111122223333:stream/acme", STREAM, "belongs to arn:aws-cn"),
        ("arn:aws:iam:eu-west-1:111122223333:role/a", ROLE, "roles have none"),
    ],
)
def test_check_arn_says_what_was_given_instead(text: str, kind: Kind, said: str) -> None:
    with pytest.raises(ArnError) as refused:
        check_arn(text, kind)

    assert said in str(refused.value)
