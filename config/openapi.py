"""The OpenAPI document: what the routers say, with what every operation shares, and an example of each body."""

import copy
import json
from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

VERSION_HEADER = {
    "name": "Ngrok-Version",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "enum": ["2"], "default": "2"},
    "description": "The version of the API.",
}
ERROR = {
    "type": "object",
    "required": ["error_code", "status_code", "msg", "details"],
    "properties": {
        "error_code": {"type": "string", "examples": ["ERR_NGROK_5103"]},
        "status_code": {"type": "integer"},
        "msg": {"type": "string", "description": "What is wrong, naming the value, and what to do."},
        "details": {
            "type": "object",
            "required": ["operation_id"],
            "properties": {"operation_id": {"type": "string", "description": "Finds the request in our logs."}},
        },
    },
}
ERROR_ANSWER = {
    "description": "An error; docs/api.md lists the codes.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
# Publishers are not clients of the versioned API.
WITHOUT_VERSION = {"EventsPublish"}
YAML_BODIES = {"EventConfigurationPlan", "EventConfigurationApply"}

REPLAY = {
    "subscription_id": "esb_3MaE5zwpuaWfy7xqv1CpV6FXECl",
    "start": "2026-01-31T00:00:00Z",
    "end": "2026-01-31T12:00:00Z",
}
EXAMPLES: dict[str, Any] = {
    "EventsPublish": {
        "event_type": "http_request_complete.v0",
        "object": {"conn": {"server_name": "api.example.com", "server_port": 443}},
    },
    "EventDestinationsCreate": {
        "description": "Traffic to the SIEM",
        "format": "json",
        "target": {"datadog": {"api_key": "0123456789abcdef0123456789abcdef", "ddsite": "datadoghq.eu"}},
    },
    "EventDestinationsUpdate": {"target": {"datadog": {"service": "edge"}}},
    "EventDestinationsTestUnsaved": {
        "target": {
            "kinesis": {
                "stream_arn": "arn:aws:kinesis:eu-west-1:111122223333:stream/events",
                "auth": {"role": {"role_arn": "arn:aws:iam::111122223333:role/events"}},
            }
        }
    },
    "EventDestinationCredentialsUpdate": {"expires_on": "2099-12-31"},
    "EventDestinationCredentialsRotate": {
        "target": {"datadog": {"api_key": "fedcba9876543210fedcba9876543210"}},
        "expires_on": "2099-12-31",
    },
    "EventSubscriptionsCreate": {
        "description": "Requests to the API host",
        "sources": [
            {
                "type": "http_request_complete.v0",
                "filter": 'ev.conn.server_name == "api.example.com"',
                "fields": ["conn.server_name", "conn.server_port"],
            }
        ],
        "destination_ids": [],
    },
    "EventSubscriptionsUpdate": {"description": "Requests to the API"},
    "EventSourcesCreate": {"type": "tcp_connection_closed.v0"},
    "EventSourcesUpdate": {"filter": "ev.conn.server_port == 443"},
    "EventConfigurationPlan": {"version": 1, "destinations": [], "subscriptions": [], "prune": False},
    "EventConfigurationApply": {"version": 1, "destinations": [], "subscriptions": []},
    "EventDeadLettersReplay": {"ids": ["42"]},
    "EventDestinationsResume": {"how": "newest_first"},
    "EventBacktestsCreate": {
        "sources": [{"type": "http_request_complete.v0", "filter": "ev.conn.server_port == 443"}],
        "window": "24h",
    },
    "EventReplaysPreview": REPLAY,
    "EventReplaysCreate": REPLAY,
}
# The publish operation reads its body itself, as a stream of events.
PUBLISH_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {"schema": {"type": ["object", "array"], "items": {"type": "object"}}},
        "application/x-ndjson": {"schema": {"type": "string"}},
    },
}


class DocumentedAPI(NinjaAPI):
    """Completes the document when it is asked for."""

    def get_openapi_schema(self, **given: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**given)
        schema["components"]["schemas"]["Error"] = ERROR
        for operations in schema["paths"].values():
            for operation in operations.values():
                _complete(operation)
        _drop_unnamed(schema)
        return schema


def _drop_unnamed(schema: OpenAPISchema) -> None:
    """Parameters of several operations stand in a schema, which each operation spells out: nothing refers to it."""
    text = json.dumps(schema)
    schemas = schema["components"]["schemas"]
    for name in list(schemas):
        if f'"#/components/schemas/{name}"' not in text:
            del schemas[name]


def _complete(operation: dict[str, Any]) -> None:
    name = operation["operationId"]
    if name not in WITHOUT_VERSION:
        operation["parameters"] = [VERSION_HEADER, *operation["parameters"]]
    operation["responses"]["default"] = ERROR_ANSWER
    for parameter in operation["parameters"]:
        _check_limit(parameter)
    if name == "EventsPublish":
        operation["requestBody"] = copy.deepcopy(PUBLISH_BODY)
    if "requestBody" in operation:
        body = operation["requestBody"]["content"]["application/json"]
        # A body may be left out, which is not the same as null.
        body["schema"] = next(iter(body["schema"].get("anyOf", [])), body["schema"])
        body["example"] = EXAMPLES[name]
    if name in YAML_BODIES:
        content = operation["requestBody"]["content"]
        content["application/yaml"] = {"schema": content["application/json"]["schema"]}


def _check_limit(parameter: dict[str, Any]) -> None:
    """A limit is text in the contract, of a number in range."""
    if parameter["name"] == "limit":
        parameter["schema"] = {"type": "string", "pattern": "^([1-9][0-9]?|100)$"}
        parameter["description"] = "1 to 100; 100 when absent."
