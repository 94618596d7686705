"""The queries of reading-records.md: they read what we write, from where the kits have it put."""

import json
import re
import sqlite3
from typing import Any

import orjson
import pytest

from accounts.models import Account
from destinations.setup.azure import COLUMNS
from destinations.setup.datadog import pipeline
from destinations.setup.facts import KINDS, Facts
from destinations.setup.kit import Options
from destinations.targets._arn import Arn
from destinations.testing import example_record
from events.catalog import catalog
from tests.destinations.setup.guides import GUIDES, Block, blocks

GUIDE = next(guide for guide in GUIDES if guide.name == "reading-records.md").read_text()
EXAMPLE = "http_request_complete.v0"
TABLE = re.compile(r"CREATE EXTERNAL TABLE (\w+) \((.*?)\)\nPARTITIONED BY \((.*?)\)\n", re.DOTALL)
PROPERTY = re.compile(r"'([\w.]+)' = '(.*?)'")
# As Java writes dates, and what of it a date has.
DATE_PARTS = {"yyyy": "2026", "MM": "11", "dd": "25", "HH": "08"}


def tables() -> dict[str, str]:
    """Each CREATE TABLE by the table's name."""
    return {found[1]: block.text for block in blocks("sql") if (found := TABLE.match(block.text))}


def queries() -> list[Block]:
    return [block for block in blocks("sql") if block.text.startswith("SELECT")]


def columns_of(text: str) -> list[str]:
    return [column.split()[0] for column in text.strip().split(",")]


def archive(*, by_type: bool) -> Facts:
    """The kit of s3.md."""
    arn = Arn("aws", "firehose", "eu-west-1", "111122223333", "deliverystream/acme-archive")
    role = Arn("aws", "iam", "", "111122223333", "role/acme-archive-writer")
    options = Options(create=True, partition_by_type=by_type)
    return Facts("firehose", KINDS["firehose"], arn, "acme-archive", role, "", "", options, by_keys=False)


def object_key(facts: Facts) -> str:
    """The folder of an event of the example's type of 25 Nov 2026, 08:00, as Firehose names it."""
    key = facts.prefix.replace("!{partitionKeyFromQuery:event_type}", EXAMPLE)
    key = re.sub(r"!\{timestamp:([\w-]+)\}", lambda found: dated(found[1]), key)
    return key if "!{timestamp" in facts.prefix else key + dated("yyyy/MM/dd/HH/")


def dated(pattern: str) -> str:
    for part, value in DATE_PARTS.items():
        pattern = pattern.replace(part, value)
    return pattern


def scalar(text: str, path: str) -> Any:
    value = json.loads(text)
    for name in path.removeprefix("$.").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


@pytest.mark.parametrize(("name", "by_type"), [("events", False), ("events_by_type", True)])
def test_table_lies_where_the_kit_has_objects_put(name: str, by_type: bool) -> None:
    facts = archive(by_type=by_type)
    text = tables()[name]
    given = dict(PROPERTY.findall(text))
    found = TABLE.match(text)
    assert found is not None

    partitions = columns_of(found[3])
    values = {each: dated(given.get(f"projection.{each}.format", EXAMPLE)) for each in partitions}
    place = re.sub(r"\$\{(\w+)\}", lambda column: values[column[1]], given["storage.location.template"])

    assert place == f"s3://{facts.bucket}/{object_key(facts)}"
    assert f"LOCATION 's3://{facts.bucket}/events/'" in text
    assert {"projection.enabled", *(f"projection.{each}.type" for each in partitions)} <= set(given)


@pytest.mark.parametrize("name", ["events", "events_by_type"])
def test_table_has_a_column_for_every_key_of_a_record(account: Account, name: str) -> None:
    found = TABLE.match(tables()[name])
    assert found is not None
    record = json.loads(example_record(account))
    # Only a test event says that it is one.
    del record["test"]

    assert columns_of(found[2]) == list(record)


def filled_in(account: Account) -> sqlite3.Connection:
    """Both tables with: two servers' failures, one of them twice, a success, and another type of event."""
    database = sqlite3.connect(":memory:")
    database.create_function("json_extract_scalar", 2, scalar)
    sent = [
        ("ev_1", "a.example", 503),
        ("ev_2", "a.example", 500),
        ("ev_2", "a.example", 500),
        ("ev_3", "b.example", 502),
    ]
    rows = [(EXAMPLE, *each) for each in [*sent, ("ev_4", "b.example", 200)]]
    for name, text in tables().items():
        found = TABLE.match(text)
        assert found is not None
        partitions = columns_of(found[3])
        database.execute(f"CREATE TABLE {name} ({', '.join(columns_of(found[2]) + partitions)})")
        for event_type, event_id, server, status in [*rows, ("tcp_connection_closed.v0", "ev_5", "a.example", 500)]:
            record = json.loads(example_record(account)) | {"event_id": event_id, "event_type": event_type}
            record["object"]["conn"]["server_name"] = server
            record["object"]["http"]["response"]["status_code"] = status
            values = [
                v if isinstance(v := record[column], str) else orjson.dumps(v).decode()
                for column in columns_of(found[2])
            ]
            places = {"hour": "2026/11/25/08", "type": event_type, "day": "2026-11-25"}
            values += [places[each] for each in partitions]
            database.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(values))})", values)
    return database


def test_queries_count_each_event_once(account: Account) -> None:
    failures, by_day = queries()
    database = filled_in(account)

    assert database.execute(failures.text).fetchall() == [("a.example", 2), ("b.example", 1)]
    assert database.execute(by_day.text).fetchall() == [("2026-11-25", 4)]


def fields() -> set[str]:
    return {f"object.{field.path}" for field in catalog()[EXAMPLE].fields}


def test_logs_insights_names_fields_of_a_record(account: Account) -> None:
    (block,) = blocks("insights")
    record = json.loads(example_record(account))
    text = re.sub(r'"[^"]*"', "", block.text)
    commands = [line.removeprefix("| ").split()[0] for line in text.splitlines()]
    words = set(re.findall(r"@?[a-z][\w.]*", text)) - {*commands, "and", "or", "desc", "asc"}

    assert set(commands) <= {"fields", "filter", "dedup", "sort", "limit", "stats", "parse", "display"}
    assert words - {"@timestamp", "@message"} <= fields() | set(record)
    assert {"event_id", "object.http.response.status_code"} <= words


def test_kql_names_columns_of_the_table_and_fields_of_a_record() -> None:
    (block,) = blocks("kusto")
    text = re.sub(r'"[^"]*"', "", block.text)
    made = set(re.findall(r"\b([A-Z]\w+) = ", text))
    columns = set(re.findall(r"\b([A-Z]\w+)\b", text)) - made - {"AcmeEvents_CL"}
    named = set(re.findall(r"Event\.([a-z][\w.]+)", text))

    assert text.startswith("AcmeEvents_CL\n")
    assert columns <= {name for name, _ in COLUMNS}
    assert named
    assert named <= fields()


def test_datadog_facets_are_fields_of_a_record_or_made_by_the_pipeline(account: Account) -> None:
    section = GUIDE.partition("## Datadog facets")[2].partition("\n## ")[0]
    record = json.loads(example_record(account))
    named = set(re.findall(r"@([a-z][\w.]*\w)", section))
    made = {processor["target"] for processor in pipeline()["processors"] if "target" in processor}
    ours = {name.removeprefix("event.") for name in named if name.startswith("event.")}

    assert len(ours) > 2
    assert ours <= fields() | set(record)
    assert {name for name in named if not name.startswith("event.")} == made
    assert f"source:{pipeline()['filter']['query'].partition(':')[2]}" in section
