"""`python -m tests.product.answers QUESTION`: what a running product holds, as JSON, for tests/product/probe.py.

What the sample's subscriptions select is computed here once more, in plain Python, so that the product's
own filters, projection and routing are checked against something else.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from common import payloads  # noqa: E402
from dashboard.sample import AUDIT_TYPES  # noqa: E402
from delivery.models import Delivery  # noqa: E402
from destinations.models import Destination  # noqa: E402
from destinations.opening import opened  # noqa: E402
from events.models import EventBatch  # noqa: E402
from subscriptions.drafting.presets import ACCESS_LOG  # noqa: E402

# The frames that Datadog's and Azure's records have around the envelope.
FRAMES = ("event", "Event")
Records = dict[str, dict[str, Any]]


def arrived() -> dict[str, Records]:
    return {destination.target: _arrived_at(destination) for destination in Destination.objects.existing()}


def _arrived_at(destination: Destination) -> Records:
    records: Records = {}
    for arrival in opened(destination).arrivals(10_000):
        value = json.loads(arrival.data)
        record = next((value[frame] for frame in FRAMES if frame in value), value)
        assert record["event_id"] not in records, f"{record['event_id']} arrived twice at {destination.target}."
        records[record["event_id"]] = record
    return records


def expected() -> dict[str, Records]:
    traffic: Records = {}
    audit: Records = {}
    for event in _events():
        if event["event_type"] in AUDIT_TYPES:
            audit[event["event_id"]] = event
        elif (record := _traffic_record(event)) is not None:
            traffic[event["event_id"]] = record
    return {
        "kinesis": traffic,
        "firehose": traffic,
        "datadog": {**traffic, **audit},
        "cloudwatch_logs": audit,
        "azure_logs_ingestion": audit,
    }


def _traffic_record(event: dict[str, Any]) -> dict[str, Any] | None:
    conn = event["object"].get("conn", {})
    if event["event_type"] == "http_request_complete.v0":
        if conn.get("server_port") == 443 and conn.get("server_name", "").startswith("api."):
            return {**event, "object": _pick(event["object"], [path.split(".") for path in ACCESS_LOG])}
    elif event["event_type"] == "tcp_connection_closed.v0" and conn.get("server_port") not in {443, None}:
        return event
    return None


def _pick(value: dict[str, Any], paths: list[list[str]]) -> dict[str, Any]:
    picked: dict[str, Any] = {}
    for key, item in value.items():
        below = [path[1:] for path in paths if path[0] == key]
        if [] in below or (below and item is None):
            picked[key] = item
        elif below and (inner := _pick(item, below)):
            picked[key] = inner
    return picked


def _events() -> Iterator[dict[str, Any]]:
    for batch in EventBatch.objects.order_by("pk"):
        blob = bytes(batch.payload or b"")
        ndjson = payloads.decompress(blob) if batch.encoding == EventBatch.Encoding.ZSTD else blob
        yield from (json.loads(line) for line in ndjson.splitlines())


def waiting() -> int:
    unrouted = sum(batch.count for batch in EventBatch.objects.filter(routed_at=None).defer("payload"))
    return unrouted + sum(delivery.waiting_count for delivery in Delivery.objects.waiting().defer("payload"))


def failing() -> int:
    return Destination.objects.filter(consecutive_failures__gt=0).count()


def audit_events(object_id: str) -> list[dict[str, Any]]:
    return [event for event in _events() if event["object"].get("id") == object_id]


def configuration_form(pk: str) -> dict[str, str]:
    config = Destination.objects.get(pk=pk).config
    return {"metadata": "", **{f"target-{name}": value for name, value in config.items()}}


QUESTIONS: dict[str, Callable[..., Any]] = {
    question.__name__: question for question in (arrived, expected, waiting, failing, audit_events, configuration_form)
}

if __name__ == "__main__":
    sys.stdout.write(json.dumps(QUESTIONS[sys.argv[1]](*sys.argv[2:])))
