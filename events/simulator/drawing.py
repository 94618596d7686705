"""Cheap draws: `random()` and an index, since the methods of random.Random cost several times as much."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Draw: TypeAlias = Callable[[], float]

# About so many of the first items are nearly as frequent as the very first.
_FLATNESS = 8

# Sizes and waits are a median times one of these: their logarithms are normal, as measured sizes' are.
_SPREAD = 1.0
SCATTER = tuple(Random(20_261_123).lognormvariate(0, _SPREAD) for _ in range(4096))  # noqa: S311  nothing secret  # nosec B311


def pool(weighted: Iterable[tuple[T, int]]) -> tuple[T, ...]:
    """Each item as often as its weight, for `pick`."""
    return tuple(item for item, weight in weighted for _ in range(weight))


def pick(draw: Draw, items: Sequence[T]) -> T:
    return items[int(draw() * len(items))]


def pick_ranked(draw: Draw, items: Sequence[T]) -> T:
    """A long tail: ever rarer towards the end, with no single item in the lead."""
    return items[int(_FLATNESS * (((len(items) + _FLATNESS) / _FLATNESS) ** draw() - 1))]


def scatter(draw: Draw, median: float) -> int:
    return int(median * SCATTER[int(draw() * len(SCATTER))])


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def timestamp(ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339."""
    seconds, rest = divmod(ms, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"
