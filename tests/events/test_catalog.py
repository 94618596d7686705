import dataclasses
import re
from datetime import datetime
from typing import Any

import pytest
from ksuid import Ksuid

from events import checks
from events.catalog import EventType, catalog, families, get_event_type, suggest
from events.catalog.validation import event_type_problems, object_problems, problems

OBJECTS = [
    "api_key", "certificate_authority", "tunnel_credential", "event_destination", "event_subscription", "ip_policy",
    "ip_policy_rule", "ip_restriction", "tcp_address", "domain", "ssh_certificate_authority", "ssh_public_key",
    "ssh_host_certificate", "ssh_user_certificate", "secret", "tls_certificate", "vault",
]  # fmt: skip
AUDIT = {f"{name}_{action}.v0" for name in OBJECTS for action in ("created", "updated", "deleted")} | {
    "agent_session_start.v0",
    "agent_session_stop.v0",
}
TRAFFIC = ["http_request_complete.v0", "tcp_connection_closed.v0"]
FILTERABLE = {"conn.client_ip", "conn.server_ip", "conn.server_name", "conn.server_port"}
SECRETS = {"token", "aws_secret_access_key", "api_key", "client_secret"}
ID = re.compile(r"[a-z]+_[0-9A-Za-z]{27}")


def get(name: str) -> EventType:
    event_type = get_event_type(name)
    assert event_type is not None
    return event_type


def leaves(value: Any, key: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for name, item in value.items() for leaf in leaves(item, name)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item, key)]
    return [(key, value)]


def test_catalog_has_all_55_event_types() -> None:
    assert len(catalog()) == 55
    assert set(catalog()) == AUDIT | set(TRAFFIC)
    assert all(event_type.name == name for name, event_type in catalog().items())


def test_catalog_begins_with_traffic_and_then_follows_the_alphabet_of_families() -> None:
    order = [event_type.family for event_type in catalog().values()]

    assert list(catalog())[:2] == TRAFFIC
    assert order[2:] == sorted(order[2:], key=str.casefold)


def test_families_hold_every_event_type_once() -> None:
    members = [event_type for family in families().values() for event_type in family]

    assert len(families()) == 19
    assert members == list(catalog().values())
    assert [event_type.name for event_type in families()["Agent sessions"]] == [
        "agent_session_start.v0",
        "agent_session_stop.v0",
    ]


def test_catalog_has_no_problems() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("http_request_complete.v0", 35),
        ("tcp_connection_closed.v0", 11),
        ("event_destination_updated.v0", 28),
        ("tls_certificate_created.v0", 22),
        ("agent_session_start.v0", 20),
        ("ip_policy_deleted.v0", 5),
    ],
)
def test_event_type_has_its_number_of_fields(name: str, count: int) -> None:
    assert len(get(name).fields) == count


@pytest.mark.parametrize("name", TRAFFIC)
def test_traffic_type_can_be_selected_and_filtered_by_four_connection_fields(name: str) -> None:
    event_type = get(name)

    assert (event_type.category, event_type.family, event_type.selectable) == ("traffic", "Traffic", True)
    assert {field.path for field in event_type.filterable_fields} == FILTERABLE


@pytest.mark.parametrize("name", sorted(AUDIT))
def test_audit_type_can_be_neither_selected_nor_filtered(name: str) -> None:
    event_type = get(name)

    assert (event_type.category, event_type.selectable, event_type.filterable_fields) == ("audit", False, ())


def test_field_types_are_normalised() -> None:
    enforced = get("ip_restriction_created.v0").field("enforced")

    assert enforced is not None
    assert enforced.type == "bool"
    assert {field.type for event_type in catalog().values() for field in event_type.fields} == {
        "string",
        "bool",
        "int32",
        "int64",
        "timestamp",
        "list<string>",
        "map<string, string>",
        "map<string, list<string>>",
        "list<map<string, string>>",
    }


def test_field_is_none_for_an_unknown_path() -> None:
    assert get("vault_created.v0").field("conn.client_ip") is None
    assert get_event_type("vault_created.v1") is None


def test_version_is_the_end_of_the_name() -> None:
    assert get("secret_deleted.v0").version == "v0"


@pytest.mark.parametrize("event_type", catalog().values(), ids=lambda event_type: event_type.name)
def test_example_event_is_a_whole_envelope(event_type: EventType) -> None:
    event = event_type.example_event("ac_1")

    assert list(event) == ["event_id", "event_type", "event_timestamp", "account_id", "principal", "object"]
    assert (event["event_type"], event["account_id"]) == (event_type.name, "ac_1")
    assert event["object"] == event_type.example
    assert event == event_type.example_event("ac_1")
    if event_type.category == "traffic":
        assert event["principal"] is None
    else:
        assert list(event["principal"]) == ["id", "kind", "source"]


def test_example_event_ids_differ_and_carry_the_time_of_their_event() -> None:
    events = [event_type.example_event("ac_1") for event_type in catalog().values()]

    assert len({event["event_id"] for event in events}) == 55
    for event in events:
        prefix, _, ksuid = event["event_id"].partition("_")
        happened = datetime.fromisoformat(event["event_timestamp"])
        assert prefix == "ev"
        assert abs((Ksuid.from_base62(ksuid).datetime - happened).total_seconds()) <= 1


def test_example_event_may_be_changed_by_its_caller() -> None:
    event_type = get("http_request_complete.v0")

    event_type.example_event("ac_1")["object"]["conn"]["client_ip"] = "changed"

    assert event_type.example_event("ac_1")["object"]["conn"]["client_ip"] == "203.0.113.77"


def test_examples_show_no_secrets() -> None:
    shown = [
        (event_type.name, key)
        for event_type in catalog().values()
        for key, value in leaves(event_type.example)
        if key in SECRETS and value
    ]

    assert shown == []


def test_example_ids_have_27_characters_after_their_prefix() -> None:
    ids = [value for each in catalog().values() for key, value in leaves(each.example) if key in {"id", "owner_id"}]
    own = [value for value in ids if not value.isdecimal()]

    assert len(own) > 50
    assert [value for value in own if not ID.fullmatch(value)] == []


def test_example_of_an_updated_secret_was_updated_after_its_creation() -> None:
    created, updated = get("secret_created.v0").example, get("secret_updated.v0").example

    assert created["updated_at"] == created["created_at"]
    assert str(updated["updated_at"]) > str(updated["created_at"])


def test_examples_never_tell_of_a_creation_after_their_event() -> None:
    late = [
        event_type.name
        for event_type in catalog().values()
        if (created := event_type.example.get("created_at")) and str(created)[:19] > event_type.example_at[:19]
    ]

    assert late == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("http_request_completed.v0", "http_request_complete.v0"),
        ("http_request_complete", "http_request_complete.v0"),
        (" API_Key_Create.v0", "api_key_created.v0"),
        ("tcp_connection_close.v0", "tcp_connection_closed.v0"),
    ],
)
def test_suggest_begins_with_the_name_that_was_meant(typed: str, meant: str) -> None:
    assert suggest(typed)[0] == meant


def test_suggest_is_empty_for_something_else_entirely() -> None:
    assert suggest("invoice_paid") == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "HTTP.v0"}, "the name is not like"),
        ({"title": ""}, "the title is missing"),
        ({"description": "No full stop"}, "the description is not a sentence"),
        ({"selectable": False}, "has filterable fields exactly if"),
        ({"example_principal": {"id": "usr_1"}}, "traffic events have none"),
        ({"example_at": "2026-02-30T00:00:00Z"}, "not a time in UTC"),
    ],
)
def test_validation_finds_a_faulty_event_type(changes: dict[str, Any], problem: str) -> None:
    faulty = dataclasses.replace(get("tcp_connection_closed.v0"), **changes)

    assert problem in "\n".join(event_type_problems(faulty))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"path": "conn.client_ip"}, "conn.client_ip is listed twice."),
        ({"type": "float"}, "conn.bytes_in has the unknown type 'float'."),
        ({"description": ""}, "the description of conn.bytes_in is not a sentence"),
        ({"description": "Time at which the connection was closed, by either side."}, "the same description"),
        ({"path": "conn.bytes"}, "conn.bytes_in is not a field"),
        ({"type": "bool"}, "conn.bytes_in is not of type bool."),
    ],
)
def test_validation_finds_a_faulty_field(changes: dict[str, Any], problem: str) -> None:
    event_type = get("tcp_connection_closed.v0")
    first, *others = event_type.fields
    assert first.path == "conn.bytes_in"

    faulty = dataclasses.replace(event_type, fields=(dataclasses.replace(first, **changes), *others))

    assert problem in "\n".join(event_type_problems(faulty))


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("ip_restriction_created.v0", {"enforced": "yes"}, "enforced is not of type bool."),
        ("ip_restriction_created.v0", {"ip_policies": []}, "ip_policies is empty."),
        ("ip_restriction_created.v0", {"ip_policies": {}}, "ip_policies is not a list."),
        ("ip_restriction_created.v0", {"ip_policies": [{"id": "ipp_1"}]}, "ip_policies[0].uri is missing."),
        ("ip_restriction_created.v0", {"ip_policies": ["ipp_1"]}, "ip_policies[0] is not an object."),
        ("ip_restriction_created.v0", {"colour": "red"}, "colour is not a field of this type."),
        ("ip_policy_rule_created.v0", {"ip_policy": "ipp_1"}, "ip_policy is not an object."),
        ("tunnel_credential_created.v0", {"acl": "*"}, "acl is not of type list<string>."),
        ("tunnel_credential_created.v0", {"id": None}, "id is missing."),
        ("ssh_user_certificate_created.v0", {"extensions": {"a": 1}}, "extensions is not of type map<string, string>."),
        ("tcp_connection_closed.v0", {"traffic_policy": {"logs": [{"a": 1}]}}, "traffic_policy.logs is not of type"),
    ],
)
def test_validation_finds_a_faulty_object(name: str, change: dict[str, Any], problem: str) -> None:
    value = {**get(name).example, **change}

    assert f"{name}: {problem}" in "\n".join(object_problems(get(name), value, complete=True))


@pytest.mark.parametrize("port", [True, "443", 443.0, 2**31])
def test_validation_refuses_what_is_not_a_32_bit_integer(port: object) -> None:
    value = {"conn": {"server_port": port}}

    found = object_problems(get("tcp_connection_closed.v0"), value, complete=False)

    assert found == ["tcp_connection_closed.v0: conn.server_port is not of type int32."]


@pytest.mark.parametrize("stamp", ["2026-11-20T14:02:06", "2026-11-20T14:02:06+01:00", "2026-13-20T14:02:06Z", 17])
def test_validation_refuses_what_is_not_a_time_in_utc(stamp: object) -> None:
    value = {"conn": {"start_ts": stamp}}

    assert object_problems(get("tcp_connection_closed.v0"), value, complete=False) != []


def test_validation_lets_real_events_leave_fields_out() -> None:
    assert object_problems(get("tcp_connection_closed.v0"), {"conn": None}, complete=False) == []


def test_system_check_reports_each_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_catalog(None) == []

    monkeypatch.setattr(checks, "problems", lambda: ["vault_created.v0: id is missing."])

    (error,) = checks.check_catalog(None)
    assert (error.id, error.msg) == ("events.E001", "Event catalogue: vault_created.v0: id is missing.")
