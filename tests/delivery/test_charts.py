from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Account
from delivery.charts import HEIGHT, WIDTH, WINDOWS, Bucket, Chart, axis_top, chart_of
from delivery.models import Tally
from destinations.models import Destination
from tests.factories import HTTP, make_destination, make_subscription

NOON = datetime(2026, 11, 22, 12, 7, 30, tzinfo=UTC)


def add_tally(destination: Destination, minute: datetime, **counts: int) -> None:
    subscription = destination.subscriptions.first() or make_subscription(destination.account, destination)
    Tally.objects.create(
        account=destination.account,
        minute=minute.replace(second=0),
        subscription=subscription,
        revision=1,
        destination=destination,
        event_type=HTTP,
        **counts,
    )


def of(destination: Destination, window: str = "1h", **moments: Any) -> Chart:
    return chart_of([Tally.objects.filter(destination=destination)], WINDOWS[window], list(moments.items()))


@pytest.mark.parametrize(
    ("largest", "top"),
    [(0, 1), (1, 1), (2, 2), (3, 3), (7, 8), (9, 10), (11, 12), (16, 20), (101, 120), (450, 500), (601, 800)],
)
def test_the_axis_ends_at_the_next_round_figure(largest: int, top: int) -> None:
    assert axis_top(largest) == top


@pytest.mark.parametrize("largest", [1, 3, 10**6 + 1, 10**9])
def test_the_labels_of_the_axis_are_whole_records_from_the_top_to_zero(largest: int) -> None:
    chart = Chart(WINDOWS["1h"], [Bucket(NOON)], axis_top(largest))

    assert chart.y_labels[0] == chart.top
    assert chart.top >= largest
    assert chart.y_labels[-1] == 0
    assert len(chart.grid) == len(chart.y_labels) - 1


@pytest.mark.parametrize(("window", "buckets"), [("1h", 60), ("24h", 96), ("7d", 84)])
def test_a_window_has_its_buckets_and_ends_with_the_one_of_now(
    destination: Destination, window: str, buckets: int
) -> None:
    with time_machine.travel(NOON, tick=False):
        chart = of(destination, window)

    assert len(chart.buckets) == buckets
    assert chart.buckets[-1].start <= NOON < chart.buckets[-1].start + WINDOWS[window].bucket
    assert len(chart.x_labels) == 6


def test_records_stand_in_the_bucket_of_their_minute_by_what_became_of_them(destination: Destination) -> None:
    with time_machine.travel(NOON, tick=False):
        add_tally(destination, NOON - timedelta(minutes=5), fan_out=10)
        add_tally(destination, NOON - timedelta(minutes=5), delivered=6, dead=1)
        add_tally(destination, NOON - timedelta(minutes=5), discarded=1)
        add_tally(destination, NOON - timedelta(hours=2), fan_out=99)

        chart = of(destination)

    bucket = chart.buckets[-6]
    assert (bucket.delivered, bucket.dead, bucket.waiting) == (6, 1, 2)
    assert (chart.delivered, chart.dead, chart.waiting) == (6, 1, 2)


def test_days_are_summed_by_hours(destination: Destination) -> None:
    with time_machine.travel(NOON, tick=False):
        for minutes in (1, 60, 119):
            add_tally(destination, NOON - timedelta(days=1, minutes=minutes), fan_out=1, delivered=1)

        chart = of(destination, "7d")

    assert chart.delivered == 3
    assert sum(bucket.total > 0 for bucket in chart.buckets) <= 2


def test_another_destinations_records_are_not_counted(account: Account, destination: Destination) -> None:
    add_tally(make_destination(account), timezone.now(), fan_out=5)

    assert of(destination).is_empty


def test_marks_stay_inside_the_drawing_and_small_ones_can_be_seen(destination: Destination) -> None:
    add_tally(destination, timezone.now(), fan_out=100_001, delivered=100_000, dead=1)

    marks = list(of(destination).marks)

    assert [mark.kind for mark in marks] == ["ok", "bad"]
    assert all(mark.x >= 0 and mark.x + mark.width <= WIDTH for mark in marks)
    assert all(mark.height >= 2 and mark.y + mark.height <= HEIGHT for mark in marks)


def test_marks_of_a_kind_are_drawn_as_one(destination: Destination) -> None:
    now = timezone.now()
    add_tally(destination, now, fan_out=4, delivered=3, dead=1)
    add_tally(destination, now - timedelta(minutes=30), fan_out=2, delivered=2)

    chart = of(destination)

    by_kind = {kind: [mark for mark in chart.marks if mark.kind == kind] for kind in ("ok", "bad")}
    assert [len(marks) for marks in by_kind.values()] == [2, 1]
    (bad,) = by_kind["bad"]
    assert chart.shapes["bad"] == f"M{bad.x} {bad.y}h{bad.width}v{bad.height}h-{bad.width}z"
    assert chart.shapes["ok"].count("z") == 2


def test_what_happened_outside_the_window_has_no_line(destination: Destination) -> None:
    now = timezone.now()

    chart = of(destination, Blocked=now - timedelta(minutes=30), Paused=now - timedelta(hours=5))

    assert [moment.label for moment in chart.moments] == ["Blocked"]
    assert 0 < chart.moments[0].x < WIDTH
