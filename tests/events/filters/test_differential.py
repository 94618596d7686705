"""Generated Python against the C++ engine, on random filters and random events: they agree, errors included.

20,000 evaluations in every test run, and under `make proofs` as many as FILTER_PROOF_EVALUATIONS says (1,000,000).
"""

import os
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from msgspec import UNSET
from pytest_django.fixtures import Settings

from events.catalog import catalog
from events.filters import Filter, FilterError, compile_filter, generating, running, values
from tests.events.filters.drawing import EventDrawer, FilterDrawer

REQUEST = catalog()["http_request_complete.v0"]
EVENTS_A_FILTER = 20
EVENTS = [EventDrawer(seed).object() for seed in range(400)]


@pytest.fixture(autouse=True)
def _every_field_is_filterable(settings: Settings) -> None:
    settings.FILTERABLE_FIELDS = "all"


def drawn(seed: int) -> Filter | None:
    try:
        return compile_filter(FilterDrawer(seed).condition(), REQUEST)
    except FilterError:
        return None


def differences(wanted: Filter, seed: int) -> list[str]:
    events = Random(seed).sample(EVENTS, EVENTS_A_FILTER)
    verdicts = wanted.matches_many(events)
    expected = [wanted.decide_by_engine(event) for event in events]
    return [
        f"{wanted.text}\n  of {event.decode()}\n  is {verdict}, to the engine {should}"
        for event, verdict, should in zip(events, verdicts, expected, strict=True)
        if verdict is not should
    ]


def compare(evaluations: int, first_seed: int = 0) -> tuple[int, int, list[str]]:
    """How many evaluations, how many of them by generated Python, and the differences."""
    done = generated = 0
    found: list[str] = []
    seed = first_seed
    while done < evaluations:
        seed += 1
        if (wanted := drawn(seed)) is not None:
            done += EVENTS_A_FILTER
            generated += EVENTS_A_FILTER if wanted.source else 0
            found += differences(wanted, seed)
    return done, generated, found


def test_generated_filters_decide_as_the_engine_does() -> None:
    done, generated, found = compare(20_000)

    assert found == []
    assert done >= 20_000
    assert generated > 0.85 * done


@pytest.mark.slow
@pytest.mark.proof
def test_a_million_evaluations_show_no_difference() -> None:
    _, _, found = compare(int(os.environ.get("FILTER_PROOF_EVALUATIONS", "1000000")), first_seed=1_000_000)

    assert found == []


def _or_needs_both(self: Any, sides: Any, wanted: bool, known: frozenset[str], *, is_any: bool) -> Any:
    return ORIGINAL_JOINED(self, sides, wanted, known, is_any=False)


def _no_guards(self: Any, wanted: Any, known: frozenset[str], *, allow_null: bool = False) -> Any:
    kept, guards, after = ORIGINAL_GUARD(self, wanted, known, allow_null=True)
    return kept, guards if allow_null else tuple(guard for guard in guards if ":=" in guard), after


ORIGINAL_JOINED = generating._Generator._joined
ORIGINAL_GUARD = generating._Generator._guard_each


@pytest.mark.parametrize(
    ("where", "name", "bug"),
    [
        (generating, "COMPARISONS", {"_<_": "<=", "_<=_": "<=", "_>_": ">", "_>=_": ">="}),
        (generating, "METHODS", {"startsWith": "startswith", "endsWith": "startswith"}),
        (
            generating,
            "simplify",
            lambda pattern: ("contains", (pattern,)) if pattern.isalnum() or "$" in pattern else None,
        ),
        (generating, "_comparable", lambda left, right: True),
        (generating._Generator, "_joined", _or_needs_both),
        (generating._Generator, "_guard_each", _no_guards),
        (running, "_bounded", lambda value: value),
        (running, "modulo", lambda left, right: left % right if right else UNSET),
        (running, "divide", lambda left, right: left // right if right else UNSET),
        (running, "at", lambda value, key: value[key] if value and value is not UNSET else UNSET),
        (running, "size", lambda value: len(value.encode()) if isinstance(value, str) else UNSET),
        (values.Values, "group_of", lambda self, expr: ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bug_in_the_generator_is_found(
    where: Any, name: str, bug: Callable[..., Any] | dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, bug)

    assert _is_found()


def _is_found() -> bool:
    for seed in range(1, 3_000):
        try:
            wanted = drawn(seed)
            if wanted is not None and differences(wanted, seed):
                return True
        # A bug may as well show as a crash.
        except (TypeError, AttributeError, LookupError):
            return True
    return False
