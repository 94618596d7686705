"""The request sequences of the Terraform provider: what it plans, applies, refreshes, imports and destroys.

The provider keeps what an answer says as its state; a later answer that differs without a change is drift, which
people see as a plan that is never empty.
"""

from typing import Any

import pytest

from tests.api.calling import AZURE, DATADOG, FIREHOSE, TARGETS, Api, assert_error
from tests.factories import AUDIT, HTTP

# What the provider keeps from the configuration, because the API never gives it back.
SECRETS = {"api_key", "aws_secret_access_key", "client_secret"}


def with_secrets(shown: Any, wanted: Any) -> Any:
    """The state of the provider: the answer, with the secrets of the configuration."""
    if not isinstance(shown, dict) or not isinstance(wanted, dict):
        return shown
    return {k: wanted[k] if k in SECRETS else with_secrets(v, wanted.get(k)) for k, v in shown.items()}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: next(iter(target)))
def test_create_read_update_in_place_and_delete_of_a_destination(api: Api, target: dict[str, Any]) -> None:
    wanted = {"metadata": "tf", "description": "made by terraform", "format": "json", "target": target}
    made = api.post("/event_destinations", wanted).json()
    path = f"/event_destinations/{made['id']}"

    refreshed = api.get(path).json()
    assert refreshed == made, "the first refresh shows drift"

    state = {**refreshed, "target": with_secrets(refreshed["target"], target)}
    applied = api.patch(path, {**wanted, "target": state["target"], "description": "changed"}).json()
    assert applied == {**refreshed, "description": "changed"}
    assert api.get(path).json() == applied

    assert api.delete(path).status_code == 204
    assert_error(api.get(path), 5103, 404)


def test_an_import_knows_no_secrets_and_the_next_apply_keeps_them(api: Api) -> None:
    for target in (DATADOG, FIREHOSE, AZURE):
        made = api.destination(target, description="imported")
        path = f"/event_destinations/{made['id']}"

        imported = api.get(path).json()
        answer = api.patch(path, {name: imported[name] for name in ("metadata", "description", "format", "target")})

        assert answer.json() == imported


def test_a_subscription_is_changed_in_place_without_drift(api: Api) -> None:
    destination = api.destination()["id"]
    wanted = {
        "metadata": "",
        "description": "made by terraform",
        "sources": [{"type": HTTP, "fields": ["conn.server_name", "conn.start_ts"]}, {"type": AUDIT}],
        "destination_ids": [destination],
    }
    made = api.post("/event_subscriptions", wanted).json()
    path = f"/event_subscriptions/{made['id']}"
    assert api.get(path).json() == made

    changed = {**wanted, "sources": [{"type": AUDIT}, {"type": HTTP, "filter": "ev.conn.server_port == 443"}]}
    applied = api.patch(path, changed).json()

    assert [source["type"] for source in applied["sources"]] == [AUDIT, HTTP]
    assert api.get(path).json() == applied
    assert api.patch(path, changed).json() == applied


def test_a_traffic_source_without_fields_takes_all_as_the_public_examples_do(api: Api) -> None:
    made = api.post("/event_subscriptions", {"sources": [{"type": HTTP}], "destination_ids": [api.destination()["id"]]})

    assert made.status_code == 201
    assert set(made.json()["sources"][0]) == {"type", "uri"}


def test_destroy_takes_the_subscription_first(api: Api) -> None:
    destination = api.destination()
    subscription = api.subscription(destination["id"])

    assert_error(api.delete(f"/event_destinations/{destination['id']}"), 5112)
    assert api.delete(f"/event_subscriptions/{subscription['id']}").status_code == 204
    assert api.delete(f"/event_destinations/{destination['id']}").status_code == 204
