from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from delivery.health import answers_of, arrival_times_of, health_of, percentile
from delivery.models import Attempt, AttemptPart, Delivery
from destinations.models import Destination
from destinations.standing import standing_of


def attempt(destination: Destination, outcome: str, code: str, duration_ms: int, **fields: Any) -> Attempt:
    wanted = {"started_at": timezone.now(), "records": 1, "bytes": 1, "destination_revision": 1, **fields}
    return Attempt.objects.create(
        destination=destination, outcome=outcome, code=code, duration_ms=duration_ms, **wanted
    )


def carried(outcome: str, delivery: Delivery, **fields: Any) -> None:
    """A call that carried all of a delivery."""
    call = attempt(delivery.destination, outcome, "", 1, **fields)
    AttemptPart.objects.create(attempt=call, delivery=delivery, first=0, last=delivery.count - 1)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([5], 50, 5), ([1, 2], 50, 1), ([1, 2, 3], 50, 2), (list(range(1, 101)), 99, 99), ([3, 1, 2], 99, 3)],
)
def test_a_percentile_is_the_smallest_value_that_covers_so_many(values: list[int], percent: int, expected: int) -> None:
    assert percentile(values, percent) == expected


def test_health_says_what_waits_since_when_and_when_the_first_is_lost(destination: Destination, held: Any) -> None:
    oldest = timezone.now() - timedelta(hours=5)
    held(destination, 3, routed_at=oldest)
    held(destination, 4)
    held(destination, 9, state="delivered", delivered_count=9)

    health = health_of(destination)

    assert (health.waiting, health.oldest_waiting) == (7, oldest)
    assert health.first_loss_at == oldest + timedelta(days=destination.account.payload_retention_days)


def test_nothing_waits_nothing_is_lost(destination: Destination) -> None:
    health = health_of(destination)

    assert (health.waiting, health.oldest_waiting, health.first_loss_at) == (0, None, None)


def test_calls_are_grouped_by_answer_the_most_frequent_first(destination: Destination) -> None:
    for duration in (10, 20, 30):
        attempt(destination, "delivered", "200", duration)
    attempt(destination, "partial", "200", 5)
    attempt(destination, "configuration", "AccessDeniedException", 7)
    attempt(destination, "delivered", "200", 1, started_at=timezone.now() - timedelta(days=2))

    answers = answers_of(destination)

    assert [(answer.words, answer.calls, answer.p50, answer.p99) for answer in answers] == [
        ("200", 3, 20, 30),
        ("200, part refused", 1, 5, 5),
        ("AccessDenied", 1, 7, 7),
    ]
    assert [answer.tone for answer in answers] == ["ok", "warn", "bad"]


def test_every_outcome_has_a_look(destination: Destination) -> None:
    for outcome in ("delivered", "partial", "retry", "configuration", "too_large", "refused"):
        attempt(destination, outcome, "", 1)

    assert all(answer.words and answer.icon for answer in answers_of(destination))


def test_arrival_times_are_of_what_was_delivered_in_a_day(destination: Destination, held: Any) -> None:
    assert arrival_times_of(destination) is None
    now = timezone.now()
    for seconds in (1, 2, 3):
        late = now + timedelta(seconds=seconds)
        arrived = held(destination, 1, state="delivered", routed_at=now, settled_at=late)
        # The second call of one delivery does not count it twice.
        carried("partial", arrived)
        carried("delivered", arrived)
    carried("partial", held(destination, 1, state="dead", routed_at=now, settled_at=now + timedelta(hours=1)))
    carried("retry", held(destination, 1))
    days_ago = now - timedelta(days=2)
    old = held(destination, 1, state="delivered", routed_at=days_ago, settled_at=days_ago + timedelta(hours=9))
    carried("delivered", old, started_at=days_ago)

    assert arrival_times_of(destination) == (2000, 3000)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "Nothing sent yet"),
        ({"last_attempt_at": timedelta(minutes=1)}, "Delivering"),
        ({"last_attempt_at": timedelta(days=2)}, "Idle"),
        ({"state": "paused"}, "Paused"),
        ({"state": "blocked", "consecutive_failures": 3}, "Blocked"),
        ({"consecutive_failures": 1, "last_attempt_at": timedelta(0)}, "Retrying"),
    ],
)
def test_a_destination_has_one_word_for_how_it_stands(
    destination: Destination, fields: dict[str, Any], word: str
) -> None:
    for name, value in fields.items():
        setattr(destination, name, timezone.now() - value if isinstance(value, timedelta) else value)

    assert standing_of(destination).word == word


def test_a_destination_lags_when_the_oldest_waits_for_more_than_five_minutes(destination: Destination) -> None:
    now = timezone.now()
    destination.last_attempt_at = now

    assert standing_of(destination, now - timedelta(minutes=4)).word == "Delivering"
    assert standing_of(destination, now - timedelta(minutes=6)).word == "Lagging"


def test_only_a_block_needs_a_person(destination: Destination) -> None:
    destination.state = Destination.State.PAUSED
    assert not standing_of(destination).needs_person
    destination.state = Destination.State.BLOCKED
    assert standing_of(destination).needs_person
