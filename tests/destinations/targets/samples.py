"""Records, and a configuration of each target, for its tests."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import orjson

from destinations.emulators.resources import DEMO_DESTINATIONS
from destinations.records import Record

ROLE_ARN = "arn:aws:iam::111122223333:role/acme-events-writer"
BY_ROLE = {"auth": "role", "role_arn": ROLE_ARN, "aws_access_key_id": ""}
BY_KEYS = {"auth": "keys", "role_arn": "", "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
KEY_SECRETS = {"aws_secret_access_key": SECRET}

DEMO = {each.target: each for each in DEMO_DESTINATIONS}


def make_record(number: int = 0, *, size: int = 0, age: timedelta = timedelta(), **changed: object) -> Record:
    """A record of at least `size` bytes, with text that is no ASCII."""
    stamp_ms = int(time.time() * 1000) - age // timedelta(milliseconds=1)
    happened = datetime.fromtimestamp(stamp_ms / 1000, UTC).isoformat(timespec="milliseconds")
    event_id = f"ev_{number:027d}"
    event = {
        "event_id": event_id,
        "event_type": "http_request_complete.v0",
        "event_timestamp": happened.replace("+00:00", "Z"),
        "account_id": "ac_2tXbM4kQpZ8dK",
        "object": {"path": "/café", "padding": ""},
        **changed,
    }
    short = size - len(orjson.dumps(event))
    if short > 0:
        event["object"] = {"path": "/café", "padding": "x" * short}
    return Record(orjson.dumps(event), event_id, str(event["event_type"]), stamp_ms, str(event["account_id"]))


def make_records(count: int, **options: object) -> Sequence[Record]:
    return [make_record(number, **options) for number in range(count)]  # type: ignore[arg-type]
