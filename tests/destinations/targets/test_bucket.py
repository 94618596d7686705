"""How Firehose names objects, as far as a reader can know it."""

from datetime import UTC, datetime

import pytest

from destinations.targets._bucket import object_prefix

MOMENT = datetime(2026, 11, 5, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("prefix", "begins"),
    [
        ("", "2026/11/05/07/"),
        ("events/", "events/2026/11/05/07/"),
        ("events/date=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/", "events/date=2026-11-05/hour=07/"),
        ("by/!{partitionKeyFromQuery:event_type}/!{timestamp:yyyy}/", "by/ip_policy_created.v0/2026/"),
        ("by/!{partitionKeyFromQuery:region}/!{timestamp:yyyy}/", "by/"),
        ("by/!{firehose:random-string}/", "by/"),
        ("by/!{timestamp:EEE}/", "by/"),
    ],
)
def test_prefix_is_filled_in_up_to_what_is_unknown(prefix: str, begins: str) -> None:
    assert object_prefix(prefix, MOMENT, {"event_type": "ip_policy_created.v0"}) == begins
