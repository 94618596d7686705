"""The audit events that the simulator makes up."""

from collections import Counter

import pytest

from events.catalog import catalog
from tests.events.simulator.taking import Event, take


@pytest.fixture(scope="module")
def audit() -> list[Event]:
    names = {name for name, event_type in catalog().items() if event_type.category == "audit"}
    return take(4000, types=names)


def test_audit_events_name_who_did_it(audit: list[Event]) -> None:
    kinds = Counter((event["principal"]["kind"], event["principal"]["source"]) for event in audit)

    assert kinds.keys() == {("user", "Dashboard"), ("api_key", "API"), ("user", "Agent")}


def test_audit_events_vary_their_ids_times_and_descriptions(audit: list[Event]) -> None:
    rules = [event for event in audit if event["event_type"] == "ip_policy_rule_created.v0"]

    assert len({event["object"]["id"] for event in rules}) == len(rules) > 20
    assert len({event["object"]["description"] for event in rules}) > 2
    for event in rules:
        value = event["object"]
        assert value["uri"].endswith(value["id"])
        assert value["ip_policy"]["uri"].endswith(value["ip_policy"]["id"])
        assert value["created_at"][:19] == event["event_timestamp"][:19]


def test_audit_events_of_deletions_are_younger_than_their_object(audit: list[Event]) -> None:
    deleted = [event for event in audit if event["event_type"] == "vault_deleted.v0"]

    assert deleted
    assert all(event["object"]["created_at"] < event["event_timestamp"] for event in deleted)


def test_audit_events_of_destinations_have_one_target_and_one_way_to_sign_in(audit: list[Event]) -> None:
    targets = [event["object"]["target"] for event in audit if event["event_type"].startswith("event_destination_")]
    kept = Counter[str]()
    for target in targets:
        (name,) = [name for name, value in target.items() if value is not None]
        kept[name] += 1
        if "auth" in target[name]:
            assert sum(value is not None for value in target[name]["auth"].values()) == 1

    assert len(kept) == 5


def test_audit_events_leave_the_catalogues_examples_alone(audit: list[Event]) -> None:
    assert audit
    target = catalog()["event_destination_created.v0"].example["target"]

    assert isinstance(target, dict)
    assert None not in target.values()
