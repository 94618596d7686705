"""Every code of the error table comes about at a local receiver, is read as the table says, and shown with its remedy.

Those that are found out here, without an answer, are in test_causes_found_here.py.
"""

import re

import pytest
from pytest_httpserver import HTTPServer

from destinations.doctor.causes import Cause, all_causes
from destinations.outcome import RefusedError, RetryableError
from destinations.targets import Context, all_targets
from tests.destinations.doctor.explained import Answered, answers_of, assert_explained, failure_of, name_of
from tests.destinations.targets.fake_aws import FakeAws
from tests.destinations.targets.samples import BY_KEYS, BY_ROLE, DEMO, KEY_SECRETS, make_record

ACCOUNT = "111122223333"
ARNS = {
    "cloudwatch_logs": {"log_group_arn": f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/acme/events"},
    "kinesis": {"stream_arn": f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/acme-events"},
    "firehose": {"delivery_stream_arn": f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/acme-events"},
}
WRITES = {"cloudwatch_logs": "PutLogEvents", "kinesis": "PutRecords", "firehose": "PutRecordBatch", "aws": "PutRecords"}
ALSO_WRITES = {"cloudwatch_logs": ("CreateLogStream", "CreateLogStream")}
OURS = {"aws_access_key_id": "AKIAOURSOURSOURSOURS", "aws_secret_access_key": "our-secret"}


@pytest.mark.parametrize("auth", [BY_ROLE, BY_KEYS], ids=["by role", "by keys"])
@pytest.mark.parametrize("answered", answers_of("cloudwatch_logs", "kinesis", "firehose", "aws"), ids=name_of)
def test_answers_of_aws(fake_aws: FakeAws, answered: Answered, auth: dict[str, str]) -> None:
    cause, code = answered
    target = "kinesis" if cause.service == "aws" else cause.service
    config = {**auth, **ARNS[target]}
    # The second is for a role whose session has ended: it is assumed anew first.
    for operation in (WRITES[target], WRITES[target], *ALSO_WRITES.get(target, ())):
        fake_aws.refuse(operation, code, answered.status, cause.said)

    context = Context("ac_external", aws_url=fake_aws.url, **OURS)
    error = failure_of(all_targets()[target](config, KEY_SECRETS, context))

    assert error.code == code
    assert_explained(cause, target, config, error)


REJECTED = {
    "expired": {"expiredLogEventEndIndex": 1},
    "too_new": {"tooNewLogEventStartIndex": 0},
}


@pytest.mark.parametrize("cause", [row for row in all_causes() if row.of_record], ids=lambda row: row.code)
def test_answers_about_one_record(fake_aws: FakeAws, cause: Cause) -> None:
    config = {**BY_KEYS, **ARNS[cause.service]}
    fake_aws.answer(WRITES[cause.service], {"rejectedLogEventsInfo": REJECTED[cause.code]})
    target = all_targets()[cause.service](config, KEY_SECRETS, Context("", aws_url=fake_aws.url))

    (rejection,) = target.send([make_record()]).rejections
    target.close()

    assert rejection.code == cause.code
    kind = RetryableError if rejection.retryable else RefusedError
    error = kind(rejection.message, code=rejection.code, said=rejection.message)
    assert_explained(cause, cause.service, config, error)


@pytest.mark.parametrize("answered", answers_of("sts"), ids=name_of)
def test_answers_of_sts(fake_aws: FakeAws, answered: Answered) -> None:
    cause, code = answered
    config = {**BY_ROLE, **ARNS["kinesis"]}
    fake_aws.refuse("AssumeRole", code, answered.status, cause.said)

    context = Context("ac_external", aws_url=fake_aws.url, **OURS)
    error = failure_of(all_targets()["kinesis"](config, {}, context))

    assert error.code == code
    assert_explained(cause, "kinesis", config, error)


@pytest.mark.parametrize("answered", answers_of("datadog", "http"), ids=name_of)
def test_answers_of_datadog_and_of_any_web_service(httpserver: HTTPServer, answered: Answered) -> None:
    cause, code = answered
    demo = DEMO["datadog"]
    headers = {"Location": "http://127.0.0.1:9/"} if code.startswith("3") else {}
    httpserver.expect_request("/api/v2/logs").respond_with_data(cause.said, answered.status, headers)

    context = Context("", datadog_url=httpserver.url_for("").rstrip("/"))
    error = failure_of(all_targets()["datadog"](demo.config, demo.secrets, context))

    assert error.code == code
    assert_explained(cause, "datadog", dict(demo.config), error)


@pytest.mark.parametrize("answered", answers_of("azure_logs_ingestion"), ids=name_of)
def test_answers_of_azure(httpserver: HTTPServer, answered: Answered) -> None:
    cause, code = answered
    demo = DEMO["azure_logs_ingestion"]
    named = {} if code.isdecimal() else {"code": code}
    answer = {"error": {**named, "message": cause.said}}
    token = {"access_token": "token", "expires_in": 3600}
    httpserver.expect_request(re.compile(r"/.+/token")).respond_with_json(token)
    httpserver.expect_request(re.compile(r"/dataC.+")).respond_with_json(answer, answered.status)

    context = Context("", azure_url=httpserver.url_for("").rstrip("/"))
    error = failure_of(all_targets()["azure_logs_ingestion"](demo.config, demo.secrets, context))

    assert error.code == code
    assert_explained(cause, "azure_logs_ingestion", dict(demo.config), error)


@pytest.mark.parametrize("answered", answers_of("entra"), ids=name_of)
def test_answers_of_entra(httpserver: HTTPServer, answered: Answered) -> None:
    cause, code = answered
    demo = DEMO["azure_logs_ingestion"]
    answer = {"error": code, "error_description": cause.said}
    httpserver.expect_request(re.compile(r"/.+/token")).respond_with_json(answer, answered.status)

    context = Context("", azure_url=httpserver.url_for("").rstrip("/"))
    error = failure_of(all_targets()["azure_logs_ingestion"](demo.config, demo.secrets, context))

    assert error.code == code
    assert_explained(cause, "azure_logs_ingestion", dict(demo.config), error)
