"""The filtering reference: every example does what it says, and page and document say the same."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from events.catalog import catalog
from events.catalog.validation import object_problems
from events.filters import FilterError, compile_filter
from events.filters.reference import Example, as_markdown, filterable, reference

EXAMPLES = [example for section in reference().sections for example in section.examples]


def test_there_are_enough_examples_and_each_is_another() -> None:
    assert len(EXAMPLES) >= 30
    assert (
        len({example.title for example in EXAMPLES}) == len({example.filter for example in EXAMPLES}) == len(EXAMPLES)
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_an_example_takes_and_refuses_what_it_says(example: Example) -> None:
    event_type = catalog()[example.type]
    compiled = compile_filter(example.filter, event_type)

    assert compiled.matches_many([json.dumps(example.matches).encode()]) == [True]
    assert not compiled.matches_many([json.dumps(example.refuses).encode()])[0]
    for shown in (example.matches, example.refuses):
        assert not object_problems(event_type, shown, complete=False)


@pytest.mark.parametrize(
    "text",
    [
        "ev.conn.server_port == 443.0",
        "ev.conn.server_name == null",
        "ev.conn == 1",
        "ev == 1",
        "ev.conn.server_name.matches('a' + 'b')",
        "ev.conn.server_name.matches('(')",
        "ev.conn.server_port + 1",
        'ev.conn.server_port == "443"',
        "ev.http.response.status_code == 500",
    ],
)
def test_what_the_reference_says_is_refused_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        compile_filter(text, catalog()["http_request_complete.v0"])


def test_nothing_of_the_fields_is_left_out() -> None:
    assert set(filterable()) == {"http_request_complete.v0", "tcp_connection_closed.v0"}
    for name, fields in filterable().items():
        assert [path for path, _, _ in fields] == [field.path for field in catalog()[name].filterable_fields]


def test_the_document_is_up_to_date() -> None:
    call_command("write_filter_docs", check=True)


def test_the_command_writes_the_document_and_notices_an_old_one(settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()
    with pytest.raises(CommandError, match="Run write_filter_docs"):
        call_command("write_filter_docs", check=True)

    call_command("write_filter_docs", stdout=StringIO())

    assert (tmp_path / "docs" / "filters.md").read_text() == as_markdown()


def test_the_page_shows_every_example(owner_client: Client) -> None:
    page = owner_client.get("/catalogue/filters/")

    html = page.content.decode()
    assert page.status_code == 200
    for example in EXAMPLES:
        assert example.title in html
    assert "conn.server_port" in html
    assert "16,000 characters" in html


def test_the_catalogue_and_its_types_lead_to_the_reference(owner_client: Client) -> None:
    assert 'href="/catalogue/filters/"' in owner_client.get("/catalogue/").content.decode()
    assert 'href="/catalogue/filters/"' in owner_client.get("/catalogue/http_request_complete.v0/").content.decode()


def test_the_page_needs_a_person(client: Client, db: None) -> None:
    assert client.get("/catalogue/filters/").status_code == 302


def test_the_limits_are_kept() -> None:
    request = catalog()["http_request_complete.v0"]
    for text in ("(" * 40 + "true" + ")" * 40, "true" + " && true" * 1001, " " * 16_000 + "true"):
        with pytest.raises(FilterError):
            compile_filter(text, request)
    ten = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
    nested = f"{ten}.all(a, {ten}.all(b, {ten}.all(c, {ten}.all(d, {ten}.all(e, ev.conn.server_port > 0)))))"
    assert compile_filter(nested, request).matches_many([b'{"conn":{"server_port":443}}']) == [None]
