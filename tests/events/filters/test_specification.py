"""Own cases for each area of the CEL specification that a filter can use, each on the generated part and on the engine.

True, false, or None for an error.
"""

import json

import pytest
from pytest_django.fixtures import Settings

from events.catalog import catalog
from events.filters import Filter, compile_filter
from tests.events.filters.specification import AREAS, EVENT, SHORT

REQUEST = catalog()["http_request_complete.v0"]
CASES = [
    pytest.param(text, expected, id=f"{area}: {text}") for area, cases in AREAS.items() for text, expected in cases
]


def compiled(text: str) -> Filter:
    for short, path in SHORT.items():
        text = text.replace(short, path)
    return compile_filter(text, REQUEST)


@pytest.fixture(autouse=True)
def _every_field_is_filterable(settings: Settings) -> None:
    settings.FILTERABLE_FIELDS = "all"


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_case_of_the_specification(text: str, expected: bool | None) -> None:
    wanted = compiled(text)
    raw = json.dumps(EVENT).encode()

    assert wanted.decide_by_engine(raw) is expected
    assert wanted.matches_many([raw]) == [expected]


def test_most_cases_outside_macros_conversions_and_times_run_as_generated_python() -> None:
    texts = [text for area in ("basic", "presence", "lists", "logic", "strings") for text, _ in AREAS[area]]

    generated = [text for text in texts if compiled(text).source]

    assert len(generated) > 0.85 * len(texts)


def test_whole_numbers_meet_decimal_ones_in_double_precision() -> None:
    """A deviation: the specification compares exactly. docs/filter-engine.md lists it."""
    raw = b'{"http":{"request":{"body_length":9007199254740993}}}'

    assert compiled("dyn(LENGTH) == 9007199254740992.0").matches(raw)
    assert compiled("LENGTH == 9007199254740992").matches(raw.replace(b"993", b"993.0"))
