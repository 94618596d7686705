"""Filters as rows, and back."""

from typing import Any

import pytest
from hypothesis import given, settings
from pytest_django.fixtures import Settings

from events.catalog import catalog
from events.filters import Filter, FilterError, compile_filter
from events.filters.conditions import Condition, Group, condition_fields, faults, from_json, render, to_json
from events.filters.operators import operators_for, read_value
from events.filters.recovering import NotConditionsError, recover
from tests.events.filters.expressions import REQUEST, events, groups, texts

PORT = Condition("conn.server_port", "is", (443,))
NAME = Condition("conn.server_name", "ends_with", (".acme.app",))
SECOND = Condition("conn.client_ip", "is_present")


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (PORT, "ev.conn.server_port == 443"),
        (Condition("conn.server_port", "one_of", (80, 443)), "ev.conn.server_port in [80, 443]"),
        (Condition("conn.server_port", "not_one_of", (80,)), "!(ev.conn.server_port in [80])"),
        (Condition("conn.server_port", "at_least", (1,)), "ev.conn.server_port >= 1"),
        (
            Condition("conn.server_port", "between", (1, 5)),
            "(ev.conn.server_port >= 1 && ev.conn.server_port <= 5)",
        ),
        (NAME, 'ev.conn.server_name.endsWith(".acme.app")'),
        (Condition("conn.server_name", "not_starts_with", ("x",)), '!ev.conn.server_name.startsWith("x")'),
        (Condition("conn.server_name", "matches", (r"^a\.b$",)), r'ev.conn.server_name.matches(r"^a\.b$")'),
        (Condition("conn.server_name", "is", ('say "é\n',)), r'ev.conn.server_name == "say \"é\n"'),
        (Condition("conn.server_name", "is_present"), "has(ev.conn.server_name)"),
        (Condition("conn.server_name", "is_absent"), "!has(ev.conn.server_name)"),
    ],
)
def test_a_condition_is_written_as_readable_cel_and_read_back(condition: Condition, text: str) -> None:
    assert render(Group(members=(condition,)), REQUEST) == text
    assert recover(text, REQUEST) == Group(members=(condition,))


def test_groups_are_joined_and_negated() -> None:
    group = Group("all", (PORT, Group("any", (NAME, SECOND), negated=True)), negated=True)

    text = render(group, REQUEST)

    assert text == (
        '!(ev.conn.server_port == 443 && !(ev.conn.server_name.endsWith(".acme.app") || has(ev.conn.client_ip)))'
    )
    assert recover(text, REQUEST) == group


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("", Group()),
        ("  443==ev.conn.server_port ", Group(members=(PORT,))),
        ("((ev.conn.server_port)) == (443)", Group(members=(PORT,))),
        ("!(ev.conn.server_port != 443)", Group(members=(PORT,))),
        ("!!has(ev.conn.client_ip)", Group(members=(SECOND,))),
        ("80 < ev.conn.server_port", Group(members=(Condition("conn.server_port", "greater_than", (80,)),))),
        ("!(ev.conn.server_port > 80)", Group("all", (Condition("conn.server_port", "greater_than", (80,)),), True)),
        (
            "ev.conn.server_port >= 1 && ev.conn.server_port <= 5",
            Group(
                members=(
                    Condition("conn.server_port", "at_least", (1,)),
                    Condition("conn.server_port", "at_most", (5,)),
                )
            ),
        ),
        (
            "has(ev.conn.client_ip) || ev.conn.server_port == 443 && has(ev.conn.client_ip)",
            Group("any", (SECOND, Group("all", (PORT, SECOND)))),
        ),
        (
            "has(ev.conn.client_ip) && (ev.conn.server_port == 443 && has(ev.conn.client_ip))",
            Group("all", (SECOND, Group("all", (PORT, SECOND)))),
        ),
        ("(has(ev.conn.client_ip) || ev.conn.server_port == 443)", Group("any", (SECOND, PORT))),
        ("matches(ev.conn.server_name, 'a')", Group(members=(Condition("conn.server_name", "matches", ("a",)),))),
    ],
)
def test_any_spelling_of_the_shape_is_recovered(text: str, group: Group) -> None:
    assert recover(text, REQUEST) == group


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("size(ev.conn.server_name) > 3", "uses size()"),
        ("ev.conn.server_name.size() > 3", "uses size()"),
        ("['a'].exists(x, x == ev.conn.server_name)", "uses exists()"),
        ("ev.conn.client_ip == ev.conn.server_ip", "compares one field with another"),
        ("ev.conn.server_port + 1 == 5", "calculates with +"),
        ("has(ev.conn.client_ip) ? true : false", "uses ? and :"),
        ("true", "has true where a comparison is expected"),
        ("ev.conn.server_port in []", "compares with an empty list"),
        ("ev.conn.server_name < 'b'", "compares conn.server_name by <"),
        ("has(ev.conn.client_ip) == true", "compares the result of a comparison"),
        (
            "ev.conn.server_port == 1 || (ev.conn.server_port == 2 && (has(ev.conn.client_ip) || "
            "has(ev.conn.server_ip)))",
            "has groups within groups within groups",
        ),
    ],
)
def test_what_conditions_cannot_show_is_said_in_a_sentence(text: str, what: str) -> None:
    with pytest.raises(NotConditionsError) as refused:
        recover(text, REQUEST)

    assert str(refused.value) == f"This filter {what}, which conditions cannot show. It works as text."


def test_a_text_that_does_not_compile_is_refused_with_its_place() -> None:
    with pytest.raises(FilterError) as refused:
        recover("ev.conn.server_port = 443", REQUEST)

    assert refused.value.column == 21


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (Condition("conn.server_port", "is", ("443",)), "A whole number is expected, such as 443; this is '443'."),
        (Condition("conn.server_port", "is", (True,)), "A whole number is expected, such as 443; this is True."),
        (Condition("conn.server_port", "is", (1 << 63,)), f"{1 << 63} is outside the range of whole numbers, 64 bits."),
        (Condition("conn.server_port", "is", ()), "is takes 1 values, not 0."),
        (Condition("conn.server_port", "one_of", ()), "Give at least one value."),
        (Condition("conn.server_port", "matches", ("4",)), "conn.server_port is int32; 'matches' does not go with it."),
        (Condition("conn.server_name", "is", (443,)), "Text is expected; this is 443."),
        (Condition("conn.server_name", "is", ("a\0b",)), "U+0000 cannot be compared with: no event holds it."),
        (Condition("conn.server_name", "is", ("\ud800",)), "The text has half a character in it (a lone surrogate)."),
        (
            Condition("conn.server_name", "matches", ("^(10|172\\.",)),
            "The pattern does not compile: missing ) in ^(10|172\\.",
        ),
        (Condition("conn.server_nam", "is", ("a",)), "There is no field conn.server_nam."),
        (Condition("", "is", ("a",)), "There is no field chosen."),
    ],
)
def test_a_bad_condition_has_its_message(condition: Condition, message: str) -> None:
    group = Group(members=(PORT, Group("any", (NAME, condition))))

    (fault,) = faults(group, REQUEST)

    assert (fault.place, fault.message) == ((1, 1), message)


def test_a_field_that_cannot_be_filtered_on_is_named() -> None:
    (fault,) = faults(Group(members=(Condition("http.response.status_code", "is", (500,)),)), REQUEST)

    assert fault.message.startswith("http.response.status_code can be selected but not filtered on. You can filter on")


def test_empty_and_deep_groups_are_faults() -> None:
    deep = Group(members=(Group(), Group(members=(Group(members=(PORT,)),))))

    assert [fault.place for fault in faults(deep, REQUEST)] == [(0,), (1, 0)]


@settings(max_examples=150, deadline=None)
@given(groups())
def test_rows_survive_the_way_through_text(group: Group) -> None:
    text = render(group, REQUEST)

    assert recover(text, REQUEST) == group.tidied()
    assert group.tidied().tidied() == group.tidied()
    assert from_json(to_json(group)) == group


@settings(max_examples=150, deadline=None)
@given(texts(), events())
def test_text_survives_the_way_through_rows(text: str, raw: bytes) -> None:
    """Where a text is rows, what they are written as decides as the text did."""
    try:
        group = recover(text, REQUEST)
    except NotConditionsError:
        return

    again = render(group, REQUEST)

    assert outcome(compile_filter(again, REQUEST), raw) == outcome(compile_filter(text, REQUEST), raw)


@settings(max_examples=100, deadline=None)
@given(groups(), events())
def test_tidying_changes_nothing_that_an_event_could_tell(group: Group, raw: bytes) -> None:
    before, after = (compile_filter(render(each, REQUEST), REQUEST) for each in (group, group.tidied()))

    assert outcome(before, raw) == outcome(after, raw)


def outcome(compiled: Filter, raw: bytes) -> bool | None:
    return compiled.matches_many([raw])[0]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"match": "some", "members": []},
        {"match": "all", "members": {}},
        {"match": "all", "members": [7]},
        {"match": "all", "members": [], "negated": "no"},
        {"match": "all", "members": [{"field": "a", "operator": "is", "values": "443"}]},
        {"match": "all", "members": [{"field": "a", "operator": "is", "values": [None]}]},
        {"match": "all", "members": [{"match": "all", "members": [{"match": "all", "members": []}]}]},
    ],
)
def test_json_of_another_shape_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        from_json(data)


def test_times_and_booleans_where_every_field_may_be_filtered_on(settings: Settings) -> None:
    settings.FILTERABLE_FIELDS = "all"
    group = Group(
        members=(
            Condition("conn.start_ts", "between", ("2026-11-01T00:00:00Z", "2026-11-30T00:00:00+01:00")),
            Condition("conn.start_ts", "before", ("2026-12-01T00:00:00Z",)),
            Condition("backend.connection_reused", "is", (True,)),
        )
    )

    text = render(group, REQUEST)

    assert 'timestamp(ev.conn.start_ts) < timestamp("2026-12-01T00:00:00Z")' in text
    assert recover(text, REQUEST) == group
    assert recover("!ev.backend.connection_reused", REQUEST).members == (
        Condition("backend.connection_reused", "is_not", (True,)),
    )
    assert compile_filter(text, REQUEST).matches(
        b'{"conn":{"start_ts":"2026-11-20T14:02:06.872Z"},"backend":{"connection_reused":true}}'
    )
    bad = Group(members=(Condition("conn.start_ts", "before", ("yesterday",)),))
    assert faults(bad, REQUEST)[0].message.startswith("A time is expected, such as 2026-11-25T14:00:00Z")


def test_every_field_with_operators_is_offered(settings: Settings) -> None:
    assert [field.path for field in condition_fields(REQUEST)] == [
        "conn.client_ip",
        "conn.server_ip",
        "conn.server_name",
        "conn.server_port",
    ]
    settings.FILTERABLE_FIELDS = "all"
    offered = {field.type for field in condition_fields(REQUEST)}
    assert offered == {"string", "int32", "int64", "bool", "timestamp"}
    assert not operators_for("map<string, string>")


@pytest.mark.parametrize(
    ("field_type", "text", "value"),
    [("int32", " 443 ", 443), ("string", " a ", " a "), ("bool", "true", True), ("double", "0.5", 0.5)],
)
def test_what_a_person_types_becomes_a_value_of_the_type(field_type: str, text: str, value: object) -> None:
    assert read_value(field_type, text) == value


@pytest.mark.parametrize(
    ("field_type", "text"), [("int32", "44a"), ("int32", "1_000"), ("bool", "yes"), ("double", "")]
)
def test_what_is_no_value_of_the_type_is_refused(field_type: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|Choose"):
        read_value(field_type, text)


def test_every_event_type_can_be_filtered_by_rows() -> None:
    for event_type in catalog().values():
        for field in event_type.filterable_fields:
            assert render(Group(members=(Condition(field.path, "is_present"),)), event_type) == f"has(ev.{field.path})"
