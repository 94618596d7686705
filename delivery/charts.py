"""What became of records over time, from the tallies: buckets, an axis, and the marks of a chart 720 by 160 units.

Everything is bounded by the window: at most 96 buckets, four marks each, whatever the number of records.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone

WIDTH, HEIGHT = 720, 160
GRID_LINES = 4
X_LABELS = 6
LABEL_STEPS = (1, 1.2, 1.5, 2, 3, 4, 5, 6, 8, 10)
# A mark that is not nothing can be seen.
LEAST_HEIGHT = 2.0
GAP = 0.14
# Counters of a bucket that are sums of the tallies' own.
SUMMED = ("delivered", "dead", "matched", "filtered", "undecided")


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time that ends with the bucket of now."""

    slug: str
    label: str
    words: str
    span: timedelta
    bucket: timedelta

    def start(self, now: datetime) -> datetime:
        seconds = self.bucket.total_seconds()
        end = (now.timestamp() // seconds + 1) * seconds
        return datetime.fromtimestamp(end, now.tzinfo) - self.span


WINDOWS = {
    window.slug: window
    for window in (
        Window("1h", "1 h", "the last hour", timedelta(hours=1), timedelta(minutes=1)),
        Window("24h", "24 h", "the last 24 hours", timedelta(days=1), timedelta(minutes=15)),
        Window("7d", "7 d", "the last 7 days", timedelta(days=7), timedelta(hours=2)),
    )
}
DEFAULT_WINDOW = WINDOWS["24h"]


@dataclass(slots=True)
class Bucket:
    """Records routed from `start` on, by what became of them up to now, and the events that routing decided about."""

    start: datetime
    delivered: int = 0
    waiting: int = 0
    dead: int = 0
    matched: int = 0
    filtered: int = 0
    undecided: int = 0

    @property
    def total(self) -> int:
        return self.delivered + self.waiting + self.dead


@dataclass(frozen=True, slots=True)
class Mark:
    """A rectangle of the drawing; `kind` is ok, held or bad."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, as a line across the chart."""

    label: str
    at: datetime
    x: float


@dataclass(frozen=True, slots=True)
class Chart:
    window: Window
    buckets: Sequence[Bucket]
    top: int
    moments: Sequence[Moment] = ()

    @property
    def delivered(self) -> int:
        return sum(bucket.delivered for bucket in self.buckets)

    @property
    def waiting(self) -> int:
        return sum(bucket.waiting for bucket in self.buckets)

    @property
    def dead(self) -> int:
        return sum(bucket.dead for bucket in self.buckets)

    @property
    def decided(self) -> tuple[int, int, int]:
        """How many events were matched, filtered, and left undecided."""
        rows = [(bucket.matched, bucket.filtered, bucket.undecided) for bucket in self.buckets]
        matched, filtered, undecided = map(sum, zip(*rows, strict=True))
        return matched, filtered, undecided

    @property
    def is_empty(self) -> bool:
        return not any(bucket.total for bucket in self.buckets)

    @property
    def sentence(self) -> str:
        """The chart for who does not see it."""
        if self.is_empty:
            return f"No records in {self.window.words}."
        figures = f"{self.delivered:,} delivered, {self.waiting:,} waiting or held, {self.dead:,} dead"
        return f"Records of {self.window.words}: {figures}."

    @property
    def y_labels(self) -> list[int]:
        """From the top down to 0; fewer where quarters would not be whole records."""
        lines = next(lines for lines in (GRID_LINES, 2, 1) if self.top % lines == 0)
        return [self.top * step // lines for step in range(lines, -1, -1)]

    @property
    def grid(self) -> list[float]:
        """Heights of the lines at the labels, without the base."""
        return [round(HEIGHT * (1 - label / self.top), 2) for label in self.y_labels[:-1]]

    @property
    def x_labels(self) -> list[datetime]:
        """Where each of six equal columns starts."""
        step = self.window.span / X_LABELS
        return [self.buckets[0].start + step * number for number in range(X_LABELS)]

    @property
    def shapes(self) -> dict[str, str]:
        """All marks of a kind as one SVG path: a template takes milliseconds for three hundred rectangles."""
        paths: dict[str, str] = {}
        for mark in self.marks:
            drawn = f"M{mark.x} {mark.y}h{mark.width}v{mark.height}h-{mark.width}z"
            paths[mark.kind] = paths.get(mark.kind, "") + drawn
        return paths

    @property
    def marks(self) -> Iterator[Mark]:
        step = WIDTH / len(self.buckets)
        for number, bucket in enumerate(self.buckets):
            base = float(HEIGHT)
            for kind, records in (("ok", bucket.delivered), ("held", bucket.waiting), ("bad", bucket.dead)):
                if records <= 0:
                    continue
                height = max(records / self.top * HEIGHT, LEAST_HEIGHT)
                base -= height
                x, width = round((number + GAP / 2) * step, 2), round(step * (1 - GAP), 2)
                yield Mark(kind, x, round(base, 2), width, round(height, 2))


def chart_of(tallies: Sequence[QuerySet[Any]], window: Window, moments: Sequence[tuple[str, datetime]] = ()) -> Chart:
    """The chart of what was sent on; `tallies` narrow it to an account, a destination or a subscription."""
    now = timezone.now()
    start = window.start(now)
    buckets = [Bucket(start + window.bucket * number) for number in range(int(window.span / window.bucket))]
    for at, open_now, *sums in chain.from_iterable(_sums(rows, window, start) for rows in tallies):
        bucket = buckets[min(int((at - start) / window.bucket), len(buckets) - 1)]
        bucket.waiting += max(open_now, 0)
        for name, number in zip(SUMMED, sums, strict=True):
            setattr(bucket, name, getattr(bucket, name) + number)
    shown = [
        Moment(label, at, round((at - start) / window.span * WIDTH, 2)) for label, at in moments if start <= at <= now
    ]
    return Chart(window, buckets, axis_top(max(bucket.total for bucket in buckets)), shown)


def _sums(tallies: QuerySet[Any], window: Window, start: datetime) -> Iterator[tuple[Any, ...]]:
    """Of each bucket or a part of it its time, what is open, and the sums of SUMMED."""
    sent = tallies.filter(minute__gte=start)
    if window.bucket >= timedelta(hours=1):
        sent = sent.annotate(at=TruncHour("minute", tzinfo=UTC))
    else:
        sent = sent.annotate(at=F("minute"))
    sums = {f"sum_{name}": Sum(name) for name in SUMMED}
    still_open = Sum(F("fan_out") - F("delivered") - F("dead") - F("discarded") - F("moved"))
    rows = sent.order_by().values("at").annotate(sum_open=still_open, **sums)
    yield from rows.values_list("at", "sum_open", *sums)


def axis_top(largest: int) -> int:
    """The next round figure at or above the largest value; at least 1."""
    power = 1
    while largest > power * LABEL_STEPS[-1]:
        power *= 10
    return next(int(step * power) for step in LABEL_STEPS if step * power >= largest and (step * power) % 1 == 0)
