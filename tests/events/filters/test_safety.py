"""Hostile filters and hostile events: neither may crash, hang or bloat a worker."""

import json
import time
import tracemalloc

import pytest
from pytest_django.fixtures import Settings

from events.catalog import catalog
from events.filters import FilterError, compile_filter
from events.filters.compiling import MAX_MACRO_BYTES, MAX_PATTERNS
from events.filters.running import REMEMBERED, Pattern

REQUEST = catalog()["http_request_complete.v0"]
NAME = "ev.conn.server_name"
HEADER = "dyn(ev.http.request.headers['H'])"
HUNDRED = str(list(range(100)))
# Of CPU time, for one event: what the worst of these take, several times over.
SECONDS = 3.0
# The most that an event may have.
HUGE = 250_000


@pytest.fixture(autouse=True)
def _every_field_is_filterable(settings: Settings) -> None:
    settings.FILTERABLE_FIELDS = "all"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (rf"{NAME}.matches('(\\pL{{40}}){{6}}')", "the pattern does not compile: pattern too large"),
        (rf"{NAME}.matches('[ä-ü]{{1,900}}x')", "the pattern is too large"),
        (" || ".join(f"{NAME}.matches('a{n}+')" for n in range(MAX_PATTERNS + 1)), "more than 20 patterns"),
        (f"[1, 2].all(a, {NAME}.matches('x+'))", "within a macro, matches takes only"),
        (f"[1].all(a, ['x'].all(b, b.matches('x+') && {NAME} == b))", "within a macro, matches takes only"),
        (f"[{NAME}, {NAME}].all(a, a.matches('x+'))", "within a macro, matches takes only"),
        (f"{HEADER}.map(h, {NAME}).all(a, a.matches('x+'))", "within a macro, matches takes only"),
        ("(" * 2000 + "true" + ")" * 2000, "more than 32 deep"),
        (f"{NAME}{f' + {NAME}' * 300} == 'a'", "more than 32 deep"),
        ("true && " * 1999 + "true", "too many parts"),
        ("'" + "a" * 20_000 + f"' == {NAME}", "characters"),
    ],
)
def test_a_filter_that_could_cost_much_is_refused(text: str, words: str) -> None:
    started = time.process_time()

    with pytest.raises(FilterError, match=words):
        compile_filter(text, REQUEST)

    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize(
    "text",
    [
        f"{HUNDRED}.all(a, {HUNDRED}.all(b, {HUNDRED}.all(c, a + b + c >= 0)))",
        f"{HUNDRED}.map(a, {HUNDRED}.map(b, {HUNDRED}.map(c, [a, b, c]))).size() == 100",
        f"{HEADER}.all(a, {HEADER}.all(b, a == b))",
        f"{HEADER}.map(a, ev.http.request.headers).size() > 0",
        f"{HEADER}.all(a, {HEADER} == ev.http.request.headers['H'])",
        f"{NAME}.matches('(.*.*.*.*.*.*)*x$')",
        f"{NAME}.matches('(x+x+)+y')",
        f"{NAME}.matches('.*.*=.*')",
        " || ".join(f"{NAME}.matches('(a|b){{1,{n}}}y')" for n in range(1, MAX_PATTERNS)),
        f"{NAME}.contains('{'x' * 5_000}y')",
    ],
)
@pytest.mark.parametrize("is_generated", [True, False])
def test_a_costly_filter_ends_soon_on_a_huge_event(text: str, is_generated: bool) -> None:
    wanted = compile_filter(text, REQUEST)
    headers = {"H": ["a"] * (HUGE // 4)}
    most = {"H": ["a"] * ((MAX_MACRO_BYTES - 100) // 5)}
    events = [
        json.dumps({"conn": {"server_name": "x"}, "http": {"request": {"headers": most}}}).encode(),
        json.dumps({"conn": {"server_name": "x" * HUGE}, "http": {"request": {"headers": {"H": ["a"]}}}}).encode(),
        json.dumps({"conn": {"server_name": "x"}, "http": {"request": {"headers": headers}}}).encode(),
    ]
    started = time.process_time()

    for event in events:
        wanted.matches_many([event]) if is_generated else wanted.decide_by_engine(event)

    assert time.process_time() - started < SECONDS


def test_nested_ternaries_do_not_double_the_generated_source_without_end() -> None:
    text = "ev.conn.server_port == 1"
    for _ in range(25):
        text = f"({text} ? true : false)"
    started = time.process_time()

    wanted = compile_filter(text, REQUEST)

    assert time.process_time() - started < SECONDS
    assert len(wanted.source) < 1_000_000
    assert wanted.matches(b'{"conn":{"server_port":1}}')


def test_what_a_pattern_remembers_is_bounded() -> None:
    pattern = Pattern("a+")
    tracemalloc.start()

    for number in range(REMEMBERED * 20):
        assert pattern(f"a{number}")
        assert not pattern("b" * 201 + str(number))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size < 1_000_000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"5",
        b'"a"',
        b"{}",
        b'{"conn":null}',
        b'{"conn":[]}',
        b'{"conn":{}}',
        b'{"conn":{"server_port":NaN}}',
        b'{"conn":{"server_port":Infinity}}',
        b'{"conn":{"server_port":-}}',
        b'{"conn":{"server_port":1e999}}',
        b'{"conn":{"server_port":null}}',
        b'{"conn":{"server_name":"\\ud800","server_port":443}}',
        b'{"conn":{"server_name":"\xff","server_port":443}}',
        b'{"conn":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"conn":{"server_port":' + b"9" * 5_000 + b"}}",
        b'{"conn":{"server_port":"' + b"4" * HUGE + b'"}}',
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_a_hostile_event_never_passes_and_never_crashes(raw: bytes) -> None:
    wanted = compile_filter("ev.conn.server_port == 443 && ev.conn.server_name != 'a'", REQUEST)

    assert wanted.matches_many([raw, raw]) in ([None, None], [False, False])
    assert wanted.decide_by_engine(raw) in (None, False)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("443", True),
        ("443.0", True),
        ("4.43e2", True),
        ("4430e-1", True),
        ("443.5", False),
        ("9223372036854775808", False),
        ("-9223372036854775808", False),
        ("18446744073709551617", False),
        ("true", False),
        ('"443"', False),
        ("-0", False),
    ],
)
def test_every_way_to_write_a_number_is_decided_as_the_engine_does(number: str, expected: bool) -> None:
    wanted = compile_filter("ev.conn.server_port == 443", REQUEST)
    raw = b'{"conn":{"server_port":%s}}' % number.encode()

    assert wanted.matches(raw) is expected
    assert wanted.decide_by_engine(raw) is expected


def test_of_duplicate_keys_the_last_one_counts() -> None:
    wanted = compile_filter("ev.conn.server_port == 443", REQUEST)

    for raw in (
        b'{"conn":{"server_port":80,"server_port":443}}',
        b'{"conn":{"server_port":80},"conn":{"server_port":443}}',
        b'{"conn":{"server_port":"x"},"conn":{"server_port":443}}',
    ):
        assert wanted.matches(raw) is wanted.matches_by_engine(raw) is True


def test_generated_source_holds_text_of_the_customer_only_as_a_constant() -> None:
    evil = "') or __import__('os').abort() or ('"
    wanted = compile_filter(f"{NAME} == {json.dumps(evil)} || {NAME} in [{json.dumps(evil)}]", REQUEST)

    assert repr(evil) in wanted.source
    assert wanted.matches(json.dumps({"conn": {"server_name": evil}}).encode())
    assert not wanted.matches(b'{"conn":{"server_name":"a"}}')
