"""Calls of the API as a program makes them, and the bodies they send."""

import json
from typing import Any

from django.test import Client

KEY = "0123456789abcdef0123456789abcdef"
ROLE = "arn:aws:iam::111122223333:role/events"
DATADOG = {"datadog": {"api_key": KEY, "ddsite": "datadoghq.eu", "ddtags": "env:test", "service": "edge"}}
KINESIS = {
    "kinesis": {
        "auth": {"role": {"role_arn": ROLE}},
        "stream_arn": "arn:aws:kinesis:eu-west-1:111122223333:stream/acme",
    }
}
FIREHOSE = {
    "firehose": {
        "auth": {
            "creds": {
                "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
                "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            }
        },
        "delivery_stream_arn": "arn:aws:firehose:eu-west-1:111122223333:deliverystream/acme",
    }
}
CLOUDWATCH = {
    "cloudwatch_logs": {
        "auth": {"role": {"role_arn": ROLE}},
        "log_group_arn": "arn:aws:logs:eu-west-1:111122223333:log-group:acme",
    }
}
AZURE = {
    "azure_logs_ingestion": {
        "tenant_id": "11111111-2222-3333-4444-555555555555",
        "client_id": "66666666-7777-8888-9999-000000000000",
        "client_secret": "a~very~secret~value",
        "logs_ingestion_uri": "https://acme.westeurope.ingest.monitor.azure.com",
        "data_collection_rule_id": "dcr-0123456789abcdef0123456789abcdef",
        "data_collection_stream_name": "Custom-Acme_CL",
    }
}
TARGETS = (DATADOG, KINESIS, FIREHOSE, CLOUDWATCH, AZURE)


class Api:
    """The API with one key; `headers` replace or, when None, leave out those that every request has."""

    def __init__(self, token: str) -> None:
        self.token = token

    def call(self, method: str, path: str, body: Any = None, **headers: str | None) -> Any:
        sent: dict[str, str | None] = {"Authorization": f"Bearer {self.token}", "Ngrok-Version": "2"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, str | bytes) else json.dumps(body) if body is not None else ""
        return Client().generic(
            method,
            f"/api{path}",
            data,
            content_type="application/json" if body is not None else "",
            headers={name: value for name, value in sent.items() if value is not None},
        )

    def get(self, path: str, **headers: str | None) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str | None) -> Any:
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str | None) -> Any:
        return self.call("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str | None) -> Any:
        return self.call("DELETE", path, **headers)

    def destination(self, target: dict[str, Any] = DATADOG, **fields: Any) -> dict[str, Any]:
        return made(self.post("/event_destinations", {"format": "json", "target": target, **fields}))

    def subscription(self, *destinations: str, **fields: Any) -> dict[str, Any]:
        wanted = {"sources": [{"type": "http_request_complete.v0"}], "destination_ids": list(destinations), **fields}
        return made(self.post("/event_subscriptions", wanted))


def made(response: Any) -> dict[str, Any]:
    assert response.status_code == 201, response.content
    resource: dict[str, Any] = response.json()
    return resource


def assert_error(response: Any, code: int, status: int = 400) -> dict[str, Any]:
    """The whole envelope; the answer is returned for what else a test looks at."""
    answer: dict[str, Any] = response.json()
    assert (answer["error_code"], answer["status_code"]) == (f"ERR_NGROK_{code}", status), answer
    assert response.status_code == status
    assert set(answer) == {"error_code", "status_code", "msg", "details"}
    assert answer["msg"][-1] in ".?"
    assert answer["details"]["operation_id"] == response.headers["Operation-Id"]
    return answer
