"""The figures of a backtest, as they are kept and shown. Counts are of what was read; `scale` brings them to all."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

DAY_SECONDS = 86_400
MONTH_DAYS = 30
# Figures that follow from the others; added to what is kept where a program reads them.
DERIVED = (
    "examined",
    "matched",
    "refused",
    "errors",
    "bytes_in",
    "bytes_out",
    "estimated_matched",
    "estimated_refused",
    "events_a_day",
    "bytes_a_day",
    "events_a_month",
    "bytes_a_month",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """An event that was read. `bytes_out` is None for a refused one."""

    event_id: str
    bytes_in: int
    bytes_out: int | None = None


@dataclass(frozen=True, slots=True)
class ClauseReading:
    """How many events pass a condition alone; None when it is not valid. `place` is as in conditions.Fault."""

    place: tuple[int, ...]
    text: str
    passes: int | None


@dataclass(frozen=True, slots=True)
class SavedReading:
    """What the filter in force matches of the same events, and what the tried one adds to it and drops from it."""

    matched: int
    added: int
    dropped: int


@dataclass(frozen=True, slots=True)
class SourceReading:
    """Refused includes `errors`, which ended in an error. Bytes are of matched events."""

    event_type: str
    examined: int
    matched: int
    errors: int
    bytes_in: int
    bytes_out: int
    clauses: tuple[ClauseReading, ...] = ()
    matched_samples: tuple[Sample, ...] = ()
    refused_samples: tuple[Sample, ...] = ()
    saved: SavedReading | None = None

    @property
    def refused(self) -> int:
        return self.examined - self.matched


@dataclass(frozen=True, slots=True)
class DestinationReading:
    """A month at one destination; `price` is None where no price is known."""

    id: str
    name: str
    target: str
    price: Decimal | None = None
    currency: str = ""
    basis: str = ""
    source: str = ""
    as_of: str = ""
    is_own_price: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """`total` counts the sources' types in the window; fewer were examined when it is sampled, or not over yet.

    Until `is_counted` these are figures of the newest events alone, and there are none of a day or month.
    """

    total: int
    expected: int
    span_seconds: float
    is_counted: bool
    is_sampled: bool
    is_complete: bool
    took_ms: int
    sources: tuple[SourceReading, ...]
    destinations: tuple[DestinationReading, ...] = ()

    @property
    def examined(self) -> int:
        return sum(source.examined for source in self.sources)

    @property
    def matched(self) -> int:
        return sum(source.matched for source in self.sources)

    @property
    def refused(self) -> int:
        return self.examined - self.matched

    @property
    def errors(self) -> int:
        return sum(source.errors for source in self.sources)

    @property
    def bytes_in(self) -> int:
        return sum(source.bytes_in for source in self.sources)

    @property
    def bytes_out(self) -> int:
        return sum(source.bytes_out for source in self.sources)

    @property
    def scale(self) -> float:
        """From what was read to all of the window."""
        return self.total / self.examined if self.examined else 0.0

    @property
    def estimated_matched(self) -> int:
        return round(self.matched * self.scale)

    @property
    def estimated_refused(self) -> int:
        return self.total - self.estimated_matched

    @property
    def change(self) -> SavedReading | None:
        """Of all of the window, by estimate; None when a source has nothing to be compared with."""
        saved = [source.saved for source in self.sources if source.saved is not None]
        if not saved or len(saved) < len(self.sources):
            return None
        return SavedReading(
            round(sum(each.matched for each in saved) * self.scale),
            round(sum(each.added for each in saved) * self.scale),
            round(sum(each.dropped for each in saved) * self.scale),
        )

    @property
    def per_day(self) -> float:
        """From figures of the window to those of a day."""
        return self.scale * DAY_SECONDS / self.span_seconds if self.span_seconds and self.is_counted else 0.0

    @property
    def events_a_day(self) -> int:
        return round(self.matched * self.per_day)

    @property
    def bytes_a_day(self) -> int:
        return round(self.bytes_out * self.per_day)

    @property
    def events_a_month(self) -> int:
        return round(self.matched * self.per_day * MONTH_DAYS)

    @property
    def bytes_a_month(self) -> int:
        return round(self.bytes_out * self.per_day * MONTH_DAYS)

    def as_json(self) -> dict[str, Any]:
        """What is kept, and what `from_json` reads."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built

    def report(self) -> dict[str, Any]:
        """The same with the figures that follow from it, for the command's --json and the API."""
        return {**self.as_json(), **{name: getattr(self, name) for name in DERIVED}}


def from_json(data: dict[str, Any]) -> Reading:
    return msgspec.convert(data, Reading)
