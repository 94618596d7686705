"""AWS that answers what a test tells it to: partial failures, throttling and errors, which moto can't produce."""

import base64
import json
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

REQUEST_ID = "6f1c0e52-0000-4000-8000-000000000001"
SESSION_TOKEN = "session-token-of-the-role"


@dataclass(frozen=True, slots=True)
class Call:
    operation: str
    body: dict[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    body: Any
    status: int = 200
    headers: Mapping[str, str] | None = None
    delay: float = 0.0


class FakeAws:
    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("").rstrip("/")
        self.calls: list[Call] = []
        self._answers: dict[str, list[Answer]] = defaultdict(list)
        server.expect_request("/", method="POST").respond_with_handler(self._handle)

    def answer(self, operation: str, body: Any, status: int = 200, **options: Any) -> None:
        """What the next call of this operation gets; later ones get success."""
        self._answers[operation].append(Answer(body, status, **options))

    def refuse(self, operation: str, code: str, status: int = 400, message: str = "", **options: Any) -> None:
        is_query = operation in STS
        body = _xml_error(code, message) if is_query else {"__type": f"com.amazonaws#{code}", "message": message}
        self.answer(operation, body, status, **options)

    def calls_of(self, operation: str) -> list[Call]:
        return [call for call in self.calls if call.operation == operation]

    def _handle(self, request: Request) -> Response:
        call = _read(request)
        self.calls.append(call)
        waiting = self._answers[call.operation]
        answer = waiting.pop(0) if waiting else Answer(SUCCESSES[call.operation](call.body))
        if answer.delay:
            time.sleep(answer.delay)
        is_text = isinstance(answer.body, str)
        body = answer.body if is_text else json.dumps(answer.body)
        headers = {"x-amzn-RequestId": REQUEST_ID, **(answer.headers or {})}
        return Response(
            body, answer.status, headers, content_type="text/xml" if is_text else "application/x-amz-json-1.1"
        )


def _read(request: Request) -> Call:
    target = request.headers.get("X-Amz-Target", "")
    data = request.get_data()
    if target:
        return Call(target.rpartition(".")[2], json.loads(data), dict(request.headers))
    form = dict(parse_qsl(data.decode()))
    return Call(form["Action"], form, dict(request.headers))


def assumed(minutes: int = 60, key_id: str = "ASIAROLEROLEROLEROLE") -> str:
    expiration = datetime.now(UTC) + timedelta(minutes=minutes)
    return f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
      <AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/writer/event-subscriptions</Arn>
        <AssumedRoleId>AROA:event-subscriptions</AssumedRoleId></AssumedRoleUser>
      <Credentials><AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>secret-of-the-role</SecretAccessKey>
        <SessionToken>{SESSION_TOKEN}</SessionToken><Expiration>{expiration:%Y-%m-%dT%H:%M:%SZ}</Expiration>
      </Credentials></AssumeRoleResult>
      <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></AssumeRoleResponse>"""


def identity(account: str = "111122223333") -> str:
    return f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
      <Arn>arn:aws:iam::{account}:user/writer</Arn><UserId>AIDA</UserId><Account>{account}</Account>
      </GetCallerIdentityResult>
      <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""


def _xml_error(code: str, message: str) -> str:
    return f"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
      <Code>{code}</Code><Message>{message}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"""


STS = {"AssumeRole", "GetCallerIdentity"}
SUCCESSES: dict[str, Any] = {
    "AssumeRole": lambda body: assumed(),
    "GetCallerIdentity": lambda body: identity(),
    "CreateLogStream": lambda body: {},
    "PutLogEvents": lambda body: {},
    "PutRecords": lambda body: {
        "FailedRecordCount": 0,
        "Records": [
            {"ShardId": "shardId-000000000000", "SequenceNumber": str(i)} for i, _ in enumerate(body["Records"])
        ],
    },
    "PutRecordBatch": lambda body: {
        "FailedPutCount": 0,
        "RequestResponses": [{"RecordId": f"record-{i}"} for i, _ in enumerate(body["Records"])],
    },
    "DescribeStreamSummary": lambda body: {
        "StreamDescriptionSummary": {"StreamStatus": "ACTIVE", "OpenShardCount": 4, "MaxRecordSizeInKiB": 1024}
    },
}


def data_of(entry: Mapping[str, str]) -> bytes:
    return base64.b64decode(entry["Data"])
