"""Reading stored events back: the events of batches with their sizes, and one event by its ID."""

from collections.abc import Iterable

from common import payloads
from events.envelope import Envelope, decode_lines
from events.models import EventBatch


def sized_events(blobs: Iterable[tuple[str, bytes | memoryview]]) -> tuple[list[Envelope], list[int]]:
    """The events of batches, given as encoding and payload, and the bytes of each as a record with all fields."""
    ndjson = b"".join(_lines(encoding, bytes(payload)) for encoding, payload in blobs)
    events = decode_lines(ndjson)
    return events, [len(line) for line in ndjson.split(b"\n")[: len(events)]]


def _lines(encoding: str, payload: bytes) -> bytes:
    ndjson = payloads.decompress(payload) if encoding == EventBatch.Encoding.ZSTD else payload
    return ndjson if ndjson.endswith(b"\n") else ndjson + b"\n"


def find_event(account_id: str, event_id: str) -> Envelope | None:
    """One event of the account while its payload is kept. The IDs of a batch follow each other."""
    batches = EventBatch.objects.filter(account_id=account_id, first_event_id__lte=event_id)
    batch = batches.order_by("-first_event_id").first()
    if batch is None or batch.last_event_id < event_id or batch.payload is None:
        return None
    events, _ = sized_events([(batch.encoding, batch.payload)])
    return next((event for event in events if event.event_id == event_id), None)
