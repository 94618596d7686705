"""What differs between two configurations, value by value."""

from collections.abc import Mapping, Sequence
from typing import Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`[{"path", "before", "after"}]`, by path; null stands for absent. Sources are named by their type."""
    old, new = _flat(before), _flat(after)
    return [
        {"path": path, "before": old.get(path), "after": new.get(path)}
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping):
        parts = [(f"{path}.{name}" if path else name, item) for name, item in value.items()]
    elif _is_sources(value):
        parts = [(f"{path}.{source['type']}", {k: v for k, v in source.items() if k != "uri"}) for source in value]
    else:
        return {} if value is None else {path: value}
    found: dict[str, Any] = {}
    for name, item in parts:
        found |= _flat(item, name)
    return found


def _is_sources(value: Any) -> bool:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return is_list and bool(value) and all(isinstance(item, Mapping) and "type" in item for item in value)
