"""Targets that the API refuses, each fault under its code."""

from typing import Any

import pytest

from destinations.models import Destination
from tests.api.calling import AZURE, CLOUDWATCH, DATADOG, KINESIS, ROLE, Api, assert_error


def datadog(**changed: Any) -> dict[str, Any]:
    return {"datadog": {**DATADOG["datadog"], **changed}}


def kinesis(**changed: Any) -> dict[str, Any]:
    return {"kinesis": {**KINESIS["kinesis"], **changed}}


def azure(**changed: Any) -> dict[str, Any]:
    return {"azure_logs_ingestion": {**AZURE["azure_logs_ingestion"], **changed}}


def creds(**given: str) -> dict[str, Any]:
    whole = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x" * 40}
    return kinesis(auth={"creds": {**whole, **given}})


STREAM = "arn:aws:kinesis:eu-west-1:111122223333:stream/acme"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (None, 5100),
        ({}, 5100),
        ({"datadog": None}, 5100),
        ({**DATADOG, **KINESIS}, 5115),
        ({"s3": {}}, 236),
        (kinesis(auth=None), 5106),
        (kinesis(auth={}), 5107),
        (kinesis(auth={"role": {"role_arn": ROLE}, "creds": creds()["kinesis"]["auth"]["creds"]}), 5116),
        (kinesis(auth={"role": {"role_arn": "arn:aws:iam::111122223333:user/me"}}), 5104),
        (kinesis(auth={"role": {"role_arn": "nonsense"}}), 5104),
        (creds(aws_access_key_id="ASIAIOSFODNN7EXAMPLE"), 240),
        (creds(aws_secret_access_key=""), 240),
        (creds(aws_access_key_id=""), 240),
        (kinesis(stream_arn="nonsense"), 5120),
        (kinesis(stream_arn=STREAM.replace("arn:aws:", "arn:aws-cn:")), 5118),
        (kinesis(stream_arn=STREAM.replace(":kinesis:", ":sqs:")), 5119),
        (kinesis(stream_arn=STREAM.replace("eu-west-1", "mars")), 5129),
        (kinesis(stream_arn=STREAM.replace("111122223333", "1")), 5129),
        (kinesis(stream_arn=STREAM + "/consumer/me:1"), 5130),
        (kinesis(stream_arn=None), 5140),
        (datadog(api_key=""), 5133),
        (datadog(ddsite="datadoghq.example"), 5134),
        (datadog(ddsite=None), 5134),
        (datadog(ddtags="[a]"), 5140),
        (azure(data_collection_rule_id="dcr-1"), 5136),
        (azure(data_collection_stream_name="Acme"), 5137),
        (azure(logs_ingestion_uri="https://169.254.169.254"), 5138),
        (azure(logs_ingestion_uri="http://acme.westeurope.ingest.monitor.azure.com"), 5138),
        (azure(tenant_id="x"), 5139),
        (azure(client_secret=None), 5139),
    ],
)
def test_a_wrong_target_is_refused_under_its_code(api: Api, target: Any, code: int) -> None:
    answer = api.post("/event_destinations", {"format": "json", "target": target})

    assert_error(answer, code)
    assert not Destination.objects.exists()


def test_the_arn_of_another_service_says_what_it_is(api: Api) -> None:
    wrong = kinesis(stream_arn=CLOUDWATCH["cloudwatch_logs"]["log_group_arn"])

    answer = assert_error(api.post("/event_destinations", {"format": "json", "target": wrong}), 5119)

    assert "log group" in answer["msg"]
    assert "stream_arn" in answer["details"]["fields"]
