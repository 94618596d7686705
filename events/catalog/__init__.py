"""The event catalogue: every event type with its fields, their meaning, and an example. The data is in data/*.json."""

from events.catalog.loading import catalog, families, get_event_type, suggest
from events.catalog.types import JSON, EventType, Field

__all__ = ["JSON", "EventType", "Field", "catalog", "families", "get_event_type", "suggest"]
