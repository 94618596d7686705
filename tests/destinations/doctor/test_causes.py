"""Every row of the error table comes about at a local receiver, is read as the table says, and shown with its remedy.

Those that are found out here, without an answer, are in test_causes_found_here.py.
"""

import re

import pytest
from pytest_httpserver import HTTPServer

from destinations.doctor.causes import Cause
from destinations.targets import Context, all_targets
from tests.destinations.doctor.explained import assert_explained, failure_of, name_of, rows_of
from tests.destinations.targets.fake_aws import FakeAws
from tests.destinations.targets.samples import BY_KEYS, BY_ROLE, DEMO, KEY_SECRETS

ACCOUNT = "111122223333"
ARNS = {
    "cloudwatch_logs": {"log_group_arn": f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/acme/events"},
    "kinesis": {"stream_arn": f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/acme-events"},
    "firehose": {"delivery_stream_arn": f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/acme-events"},
}
WRITES = {"cloudwatch_logs": "PutLogEvents", "kinesis": "PutRecords", "firehose": "PutRecordBatch", "aws": "PutRecords"}
OURS = {"aws_access_key_id": "AKIAOURSOURSOURSOURS", "aws_secret_access_key": "our-secret"}


@pytest.mark.parametrize("cause", rows_of("cloudwatch_logs", "kinesis", "firehose", "aws"), ids=name_of)
def test_answers_of_aws(fake_aws: FakeAws, cause: Cause) -> None:
    target = "kinesis" if cause.service == "aws" else cause.service
    config = {**BY_KEYS, **ARNS[target]}
    if "Denied" in cause.code:
        config = {**BY_ROLE, **ARNS[target]}
    fake_aws.refuse(WRITES[target], cause.code, cause.status, cause.said)
    if target == "cloudwatch_logs":
        fake_aws.refuse("CreateLogStream", cause.code, cause.status, cause.said)

    context = Context("ac_external", aws_url=fake_aws.url, **OURS)
    error = failure_of(all_targets()[target](config, KEY_SECRETS, context))

    assert error.code == cause.code
    assert_explained(cause, target, config, error)


@pytest.mark.parametrize("cause", rows_of("sts"), ids=name_of)
def test_answers_of_sts(fake_aws: FakeAws, cause: Cause) -> None:
    config = {**BY_ROLE, **ARNS["kinesis"]}
    fake_aws.refuse("AssumeRole", cause.code, cause.status, cause.said)

    context = Context("ac_external", aws_url=fake_aws.url, **OURS)
    error = failure_of(all_targets()["kinesis"](config, {}, context))

    assert_explained(cause, "kinesis", config, error)


@pytest.mark.parametrize("cause", rows_of("datadog", "http"), ids=name_of)
def test_answers_of_datadog_and_of_any_web_service(httpserver: HTTPServer, cause: Cause) -> None:
    demo = DEMO["datadog"]
    headers = {"Location": "http://127.0.0.1:9/"} if cause.status == 302 else {}
    httpserver.expect_request("/api/v2/logs").respond_with_data(cause.said, cause.status, headers)

    context = Context("", datadog_url=httpserver.url_for("").rstrip("/"))
    error = failure_of(all_targets()["datadog"](demo.config, demo.secrets, context))

    assert_explained(cause, "datadog", dict(demo.config), error)


@pytest.mark.parametrize("cause", rows_of("azure_logs_ingestion"), ids=name_of)
def test_answers_of_azure(httpserver: HTTPServer, cause: Cause) -> None:
    demo = DEMO["azure_logs_ingestion"]
    answer = {"error": {"code": cause.code, "message": cause.said}}
    token = {"access_token": "token", "expires_in": 3600}
    for method, path, body, status in (("POST", r"/.+/token", token, 200), ("POST", r"/dataC.+", answer, cause.status)):
        httpserver.expect_request(re.compile(path), method=method).respond_with_json(body, status)

    context = Context("", azure_url=httpserver.url_for("").rstrip("/"))
    error = failure_of(all_targets()["azure_logs_ingestion"](demo.config, demo.secrets, context))

    assert_explained(cause, "azure_logs_ingestion", dict(demo.config), error)


@pytest.mark.parametrize("cause", rows_of("entra"), ids=name_of)
def test_answers_of_entra(httpserver: HTTPServer, cause: Cause) -> None:
    demo = DEMO["azure_logs_ingestion"]
    answer = {"error": cause.code, "error_description": cause.said}
    httpserver.expect_request(re.compile(r"/.+/token")).respond_with_json(answer, cause.status)

    context = Context("", azure_url=httpserver.url_for("").rstrip("/"))
    error = failure_of(all_targets()["azure_logs_ingestion"](demo.config, demo.secrets, context))

    assert_explained(cause, "azure_logs_ingestion", dict(demo.config), error)
