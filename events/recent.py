"""The newest stored event of a type, for showing what its fields look like."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from accounts.models import Account
from events.models import EventBatch
from events.stored import sized_events

# A type that came longer ago than this is shown by the catalogue's example.
BATCHES_LOOKED_AT = 50


def newest_objects(account: Account, event_types: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """By type, the object of its newest event; a type of which nothing came lately is left out."""
    if not event_types:
        return {}
    batches = EventBatch.objects.filter(account=account).exclude(payload=None).order_by("-pk")
    looked_at = list(batches.values_list("pk", "types")[:BATCHES_LOOKED_AT])
    chosen = {name: next((pk for pk, types in looked_at if name in types), None) for name in dict.fromkeys(event_types)}
    found: dict[str, Mapping[str, Any]] = {}
    for batch in EventBatch.objects.filter(pk__in=[pk for pk in chosen.values() if pk]):
        events, _ = sized_events([(batch.encoding, batch.payload or b"")])
        for event in events:
            if chosen.get(event.event_type) == batch.pk:
                found[event.event_type] = orjson.loads(bytes(event.object))
    return found
