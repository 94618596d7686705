"""Identifiers: a prefix that tells the kind, and a KSUID (27 base62 characters that sort by their second).

A KSUID is 4 bytes of seconds since 2014-05-13 and 16 random bytes; see github.com/segmentio/ksuid.
"""

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import models
from ksuid import Ksuid

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KSUID_LENGTH = 27
KSUID_EPOCH = 1_400_000_000
PAIRS = [first + second for first in BASE62 for second in BASE62]
PAIR_COUNT = len(PAIRS)
SHAPE = re.compile(r"^[a-z]+_[0-9A-Za-z]{27}$")


def new_id(prefix: str) -> str:
    return f"{prefix}_{Ksuid()}"


def new_ids(prefix: str, count: int) -> list[str]:
    """`count` IDs of this second in ascending order: one random start, then a counter.

    Asking the system for randomness and encoding 20 bytes costs microseconds for each ID, which
    is more than all the rest of accepting an event; counting costs a table look-up.
    """
    seconds = int(time.time()) - KSUID_EPOCH
    # The start leaves room for the counter, so that it never carries into the seconds.
    value = (seconds << 128) + secrets.randbelow((1 << 128) - count)
    head, tail = divmod(value, PAIR_COUNT)
    ids: list[str] = []
    while len(ids) < count:
        start = f"{prefix}_{base62(head, KSUID_LENGTH - 2)}"
        ids += [start + pair for pair in PAIRS[tail : tail + count - len(ids)]]
        head, tail = head + 1, 0
    return ids


def is_id(value: str, prefix: str) -> bool:
    return value.startswith(f"{prefix}_") and SHAPE.match(value) is not None


def short(value: str) -> str:
    """`ev_…fDsQpZ`: the first characters of a KSUID are its time and so equal among neighbours."""
    prefix, _, rest = value.partition("_")
    return f"{prefix}_…{rest[-6:]}" if len(rest) > len("…") + 6 else value


def distance(first: str, other: str) -> int:
    """How many IDs `other` lies after `first`: IDs made together count up by one."""
    return _number(other) - _number(first)


def made_at(value: str) -> int:
    """The second since 1970 in which an ID was made."""
    return (_number(value) >> 128) + KSUID_EPOCH


def _number(value: str) -> int:
    number = 0
    for character in value.partition("_")[2]:
        number = number * len(BASE62) + BASE62.index(character)
    return number


def base62(value: int, length: int) -> str:
    """The last `length` digits, two at a step."""
    pairs = []
    for _ in range((length + 1) // 2):
        value, pair = divmod(value, PAIR_COUNT)
        pairs.append(PAIRS[pair])
    return "".join(reversed(pairs))[-length:]


if TYPE_CHECKING:
    StringField = models.CharField[str, str]
else:
    StringField = models.CharField


class IDField(StringField):
    """A prefixed KSUID as primary key. Collates bytewise: elsewhere `a` < `B`, and pages would skip rows."""

    def __init__(self, *args: Any, prefix: str = "", **kwargs: Any) -> None:
        self.prefix = prefix
        kwargs.setdefault("max_length", 40)
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "prefix": self.prefix}

    def get_default(self) -> str:
        return new_id(self.prefix)

    def db_parameters(self, connection: Any) -> Mapping[str, Any]:  # type: ignore[override]
        parameters = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters
