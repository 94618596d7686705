"""No secret in a log: values under telling names, and texts that have the shape of our own tokens, are left out.

The second line of defence. The first is that nobody logs a secret: tests/test_canary.py plants some and looks for them.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

TOKEN_MARK = "evs"  # noqa: S105 - how a token begins
TOKEN_SHAPE = re.compile(rf"{TOKEN_MARK}[0-9A-Za-z]{{24}}_[0-9A-Za-z]{{21}}")
TELLING = re.compile(r"secret|password|passwd|token|api_?key|authorization|cookie|credential", re.IGNORECASE)
LEFT_OUT = "[left out]"


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor; IDs and numbers under telling names stay, because they tell nothing."""
    for name, value in event.items():
        event[name] = _clean(name, value)
    return event


def _clean(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return LEFT_OUT if value and TELLING.search(name) else TOKEN_SHAPE.sub(LEFT_OUT, value)
    if isinstance(value, Mapping):
        return {key: _clean(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(name, item) for item in value]
    return value
