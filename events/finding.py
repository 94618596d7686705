"""Finding event types in the catalogue by a few letters of a name, a title or a field."""

from dataclasses import dataclass

from events.catalog import EventType, Field, families


@dataclass(frozen=True, slots=True)
class Hit:
    """An event type, and the fields for whose sake it was found; none when its own name already fits."""

    event_type: EventType
    fields: tuple[Field, ...] = ()


def find_event_types(query: str, family: str) -> dict[str, list[Hit]]:
    """By family, in the catalogue's order; every word of `query` must occur."""
    words = query.lower().split()
    found: dict[str, list[Hit]] = {}
    for name, event_types in families().items():
        hits = [hit for event_type in event_types if (hit := _hit(event_type, name, words))]
        if hits and family in {"", name}:
            found[name] = hits
    return found


def find_fields(event_type: EventType, query: str) -> list[Field]:
    words = query.lower().split()
    return [field for field in event_type.fields if _has(f"{field.path} {field.type} {field.description}", words)]


def _hit(event_type: EventType, family: str, words: list[str]) -> Hit | None:
    if _has(f"{event_type.name} {event_type.title} {family}", words):
        return Hit(event_type)
    fields = tuple(field for field in event_type.fields if _has(field.path, words))
    return Hit(event_type, fields) if fields else None


def _has(text: str, words: list[str]) -> bool:
    lowered = text.lower()
    return all(word in lowered for word in words)
