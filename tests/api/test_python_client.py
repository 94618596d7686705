"""The official Python client, unchanged, against the API of a live server."""

from types import SimpleNamespace
from typing import Any

import ngrok
import pytest
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account
from tests.api.calling import CLOUDWATCH, DATADOG, KINESIS
from tests.factories import AUDIT, HTTP, TCP, make_api_key

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(live_server: LiveServer) -> ngrok.Client:
    # Made here, because the database is emptied between tests of a live server.
    account = Account.objects.create(name="Acme Edge")
    return ngrok.Client(make_api_key(account, ["api"]), base_url=f"{live_server.url}/api")


def target(value: dict[str, Any]) -> Any:
    """The client's own EventTarget cannot be serialized; it takes whatever has `_props`."""
    return SimpleNamespace(_props=value)


def source(**fields: Any) -> Any:
    return SimpleNamespace(_props=fields)


def test_a_destination_lives_its_life(client: ngrok.Client) -> None:
    made = client.event_destinations.create(description="SIEM", metadata="{}", format="json", target=target(DATADOG))
    got = client.event_destinations.get(made.id)
    assert (got.description, got.metadata, got.format) == ("SIEM", "{}", "json")
    assert (got.target.datadog.service, got.target.datadog.api_key, got.target.kinesis) == ("edge", "", None)
    assert got.uri.endswith(f"/event_destinations/{made.id}")
    assert got.created_at.endswith("Z")

    changed = client.event_destinations.update(made.id, description="SIEM EU")
    assert (changed.description, changed.metadata) == ("SIEM EU", "{}")
    assert changed.target.datadog.ddsite == "datadoghq.eu"

    client.event_destinations.delete(made.id)
    with pytest.raises(ngrok.NotFoundError) as missing:
        client.event_destinations.get(made.id)
    assert missing.value.error_code == "ERR_NGROK_5103"
    assert missing.value.operation_id.startswith("op_")


def test_lists_are_paged_to_their_end(client: ngrok.Client) -> None:
    made = [
        client.event_destinations.create(metadata=f"{number % 2}", format="json", target=target(KINESIS)).id
        for number in range(5)
    ]

    assert [each.id for each in iterate(client.event_destinations.list(limit="2"))] == sorted(made, reverse=True)
    odd = client.event_destinations.list(limit="1", filter='obj.metadata == "1"')
    assert sorted(each.id for each in iterate(odd)) == sorted(made[1::2])
    older = client.event_destinations.list(before_id=sorted(made)[1])
    assert [each.id for each in iterate(older)] == sorted(made)[:1]


def iterate(page: Any) -> list[Any]:
    rows, iterator = [], iter(page)
    while True:
        try:
            rows.append(next(iterator))
        except StopIteration:
            return rows


def test_a_subscription_lives_its_life(client: ngrok.Client) -> None:
    first = client.event_destinations.create(format="json", target=target(CLOUDWATCH))
    second = client.event_destinations.create(format="json", target=target(DATADOG))

    made = client.event_subscriptions.create(
        description="Audit", sources=[source(type=AUDIT)], destination_ids=[first.id]
    )
    assert [each.type for each in made.sources] == [AUDIT]
    assert [each.id for each in made.destinations] == [first.id]

    # It sends an empty list of sources here.
    changed = client.event_subscriptions.update(made.id, destination_ids=[first.id, second.id])
    assert [each.type for each in changed.sources] == [AUDIT]
    assert sorted(each.id for each in changed.destinations) == sorted([first.id, second.id])
    assert [each.id for each in iterate(client.event_subscriptions.list())] == [made.id]

    client.event_subscriptions.delete(made.id)
    with pytest.raises(ngrok.NotFoundError):
        client.event_subscriptions.get(made.id)


def test_sources_are_added_changed_and_taken_out(client: ngrok.Client) -> None:
    made = client.event_subscriptions.create(description="Traffic")
    assert made.sources == []

    added = client.event_sources.create(made.id, HTTP)
    assert added.uri.endswith(f"/sources/{HTTP}")
    client.event_sources.create(made.id, TCP)
    assert [each.type for each in client.event_sources.list(made.id).sources] == [HTTP, TCP]
    # It sends a PATCH without a body.
    assert client.event_sources.update(made.id, HTTP).type == HTTP
    client.event_sources.delete(made.id, HTTP)
    with pytest.raises(ngrok.NotFoundError) as missing:
        client.event_sources.get(made.id, HTTP)
    assert missing.value.error_code == "ERR_NGROK_5125"


def test_filter_and_fields_pass_through(client: ngrok.Client) -> None:
    wanted = {"type": HTTP, "filter": "ev.conn.server_port == 443", "fields": ["conn.server_name"]}

    made = client.event_subscriptions.create(sources=[source(**wanted)])

    shown = client.event_subscriptions.get(made.id).sources[0]._props
    assert {name: shown[name] for name in wanted} == wanted


def test_errors_are_the_clients_own(client: ngrok.Client, live_server: LiveServer) -> None:
    with pytest.raises(ngrok.Error) as refused:
        client.event_destinations.create(format="json")
    assert (refused.value.http_status_code, refused.value.error_code) == (400, "ERR_NGROK_5100")

    nobody = ngrok.Client("2abcdefghijklmnopqrstuvwxyz_1234567890", base_url=f"{live_server.url}/api")
    with pytest.raises(ngrok.Error) as unknown:
        nobody.event_destinations.list()
    assert (unknown.value.http_status_code, unknown.value.error_code) == (401, "ERR_NGROK_203")
