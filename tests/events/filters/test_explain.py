"""Why an event passes or not, clause by clause."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings

from accounts.models import Account
from events.filters import FilterError, FilterEvaluationError, compile_filter
from events.filters.explain import Clause, Verdict, explain
from events.publishing import publish
from tests.events.filters.expressions import REQUEST, events, texts


def explained(text: str, **conn: Any) -> Clause:
    return explain(text, REQUEST, json.dumps({"conn": conn}).encode())


def verdicts(clause: Clause) -> list[str]:
    return [str(child.verdict) for child in clause.children]


def test_a_clause_says_what_the_event_held() -> None:
    clause = explained("ev.conn.server_port == 80", server_port=443)

    assert clause.summary == "ev.conn.server_port == 80 → false, it was 443"
    assert (clause.kind, clause.operands[0].path, clause.operands[0].value) == ("leaf", "conn.server_port", 443)


@pytest.mark.parametrize(
    ("text", "conn", "summary"),
    [
        ('ev.conn.server_name == "a"', {}, "error, there is no ev.conn.server_name"),
        ('ev.conn.server_name == "a"', {"server_name": 'q"'}, 'false, it was "q\\""'),
        ("has(ev.conn.server_name)", {}, "false, there is no ev.conn.server_name"),
        ("has(ev.conn.server_name)", {"server_name": None}, "true, it was null"),
        (
            "ev.conn.client_ip == ev.conn.server_ip",
            {"client_ip": "::1", "server_ip": "::2"},
            'false, ev.conn.client_ip was "::1", ev.conn.server_ip was "::2"',
        ),
        (
            "ev.conn.client_ip == ev.conn.server_ip",
            {"client_ip": "::1"},
            'error, ev.conn.client_ip was "::1", there is no ev.conn.server_ip',
        ),
    ],
)
def test_the_reason_names_values_and_what_is_absent(text: str, conn: dict[str, Any], summary: str) -> None:
    assert explained(text, **conn).summary == f"{text} → {summary}"


def test_the_first_false_clause_decides_and_the_rest_is_not_reached() -> None:
    clause = explained(
        'ev.conn.server_port == 443 && ev.conn.server_name.endsWith(".acme.app") && (has(ev.conn.client_ip) || true)',
        server_port=443,
        server_name="status.acme.dev",
    )

    assert (clause.verdict, clause.decided_by) == (Verdict.FALSE, 1)
    assert verdicts(clause) == ["true", "false", "not reached"]
    assert verdicts(clause.children[2]) == ["not reached", "not reached"]
    assert clause.summary == 'ev.conn.server_name.endsWith(".acme.app") → false, it was "status.acme.dev"'


def test_an_error_is_absorbed_by_what_decides() -> None:
    clause = explained('ev.conn.server_name == "a" || ev.conn.server_port == 443', server_port=443)

    assert (clause.verdict, clause.decided_by, verdicts(clause)) == (Verdict.TRUE, 1, ["error", "true"])


def test_an_error_that_nothing_absorbs_is_the_verdict() -> None:
    clause = explained('ev.conn.server_port == 443 && ev.conn.server_name == "a"', server_port=443)

    assert (clause.verdict, verdicts(clause)) == (Verdict.ERROR, ["true", "error"])
    assert clause.summary.endswith("error, there is no ev.conn.server_name")


def test_clauses_are_those_of_the_text_however_the_parser_nests_them() -> None:
    clause = explained("true && (true||true) && ( ( true ) ) && (true && true)")

    assert [(child.kind, child.text) for child in clause.children] == [
        ("leaf", "true"),
        ("any", "true||true"),
        ("leaf", "true"),
        ("all", "true && true"),
    ]
    assert clause.summary.endswith(" → true, every one of its 4 clauses is true")


@pytest.mark.parametrize(
    ("text", "headline"),
    [
        ("ev.conn.server_port == 443", "Matched"),
        ("ev.conn.server_port == 80", "Refused"),
        ("has(ev.conn.server_port) && ev.conn.server_port == 80", "Refused by clause 2 of 2"),
        ("ev.conn.server_port == 80 || ev.conn.server_port == 81", "Refused, since none of 2 clauses is true"),
        ("ev.conn.server_name == 'a'", "Refused, since the filter ends in an error"),
    ],
)
def test_the_headline_says_what_became_of_the_event(text: str, headline: str) -> None:
    assert explained(text, server_port=443).headline == headline


def test_the_opposite_of_a_clause_is_one_clause_too() -> None:
    clause = explained("!(ev.conn.server_port == 443)", server_port=443)

    assert clause.summary == "!(ev.conn.server_port == 443) → false, it was 443"
    assert clause.is_single


@pytest.mark.parametrize(
    "leaf",
    [
        '["😀", "(b"].exists(x, x == ev.conn.server_name)',
        "(ev.conn.server_port + 1) * 2 == -5",
        "((ev.conn.server_name) + 'x)').size() > 1",
        "[1, 2][0] == 1",
        'matches(ev.conn.server_name, r"\\(")',
        "true ? true : false",
        "has(ev.conn.server_name)",
        "-(ev.conn.server_port) in [-1, 2]",
        "{'a': 1}['a'] == 1",
        "'''a\n(''' == ev.conn.server_name",
    ],
)
def test_the_text_of_a_clause_is_its_slice_of_the_source(leaf: str) -> None:
    clause = explained(f"true && !({leaf}) // a (comment\n && (({leaf}))", server_name="a", server_port=1)

    assert [clause.children[1].children[0].text, clause.children[2].text] == [leaf, leaf]


def test_a_text_that_does_not_compile_is_refused() -> None:
    with pytest.raises(FilterError):
        explained("ev.conn.server_nam == 'a'")


def test_an_unreadable_event_is_an_error_of_the_whole() -> None:
    clause = explain("true && true", REQUEST, b"{")

    assert (clause.verdict, verdicts(clause)) == (Verdict.ERROR, ["not reached", "not reached"])


def test_a_long_value_is_cut() -> None:
    assert len(explained('ev.conn.server_name == "a"', server_name="x" * 100_000).summary) < 300


def test_the_json_form_nests_the_clauses() -> None:
    data = explained("!(ev.conn.server_port == 80)", server_port=80).as_json()

    assert (data["kind"], data["verdict"]) == ("not", "false")
    assert data["clauses"][0]["operands"] == [{"path": "conn.server_port", "present": True, "value": 80}]


@settings(max_examples=150, deadline=None)
@given(texts(), events())
def test_the_roots_verdict_is_the_filters(text: str, raw: bytes) -> None:
    try:
        expected = str(compile_filter(text, REQUEST).matches(raw)).lower()
    except FilterEvaluationError:
        expected = "error"

    assert explain(text, REQUEST, raw).verdict == expected


# The command


def command(**options: Any) -> str:
    out = StringIO()
    call_command("explain_filter", stdout=out, **options)
    return out.getvalue()


def test_the_command_explains_a_stored_event(account: Account) -> None:
    event = {"event_type": REQUEST.name, "object": {"conn": {"server_port": 80}}}
    (event_id,) = publish([event], account=account).event_ids

    printed = command(filter="has(ev.conn.client_ip) || ev.conn.server_port == 443", event=event_id)

    assert printed.splitlines() == [
        "Refused, since none of 2 clauses is true.",
        "any of these → false",
        "  has(ev.conn.client_ip) → false, there is no ev.conn.client_ip",
        "  ev.conn.server_port == 443 → false, it was 80",
    ]


def test_the_command_explains_a_file_or_the_example(db: None, tmp_path: Path) -> None:
    whole = tmp_path / "event.json"
    whole.write_text(json.dumps({"event_type": REQUEST.name, "object": {"conn": {"server_port": 80}}}))

    assert "it was 80" in command(filter="ev.conn.server_port == 443", type=REQUEST.name, file=str(whole))
    data = json.loads(command(filter="ev.conn.server_port == 443", type=REQUEST.name, json=True))
    assert (data["verdict"], data["summary"]) == ("true", "ev.conn.server_port == 443 → true, it was 443")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "Say the event type"),
        ({"type": "http_request_complete.v1"}, "Did you mean http_request_complete.v0"),
        ({"type": "http_request_complete.v0", "filter": "ev.conn.server_port = 1"}, r"column 21[\s\S]*\^"),
        ({"type": "http_request_complete.v0", "file": "/nothing"}, "is no JSON file"),
        ({"event": "ev_nothing"}, "There is no stored event ev_nothing"),
    ],
)
def test_the_command_refuses_what_it_cannot_explain(account: Account, options: dict[str, str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        command(**{"filter": "true", **options})
