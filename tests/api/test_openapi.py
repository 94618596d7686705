"""The OpenAPI document: what is served, that it is the committed one, and that the API keeps to it."""

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import booleans
from pytest_django.live_server_helper import LiveServer
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import Account
from config.api import api as mounted
from config.openapi import EXAMPLES
from tests.api.calling import Api
from tests.factories import HTTP, make_api_key, make_destination, make_subscription
from tests.world import World, make_world

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "docs" / "openapi.json"
# Their examples name a dead letter, a subscription and a time that no test has.
OF_WHAT_IS_NOT_THERE = {"EventDeadLettersReplay", "EventReplaysPreview", "EventReplaysCreate"}
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]


def document() -> dict[str, Any]:
    served: dict[str, Any] = json.loads(json.dumps(mounted.get_openapi_schema()))
    return served


def operations() -> dict[str, dict[str, Any]]:
    return {each["operationId"]: each for path in document()["paths"].values() for each in path.values()}


def test_the_committed_document_is_the_served_one(db: None) -> None:
    served = Client().get("/api/openapi.json").json()

    command = "manage.py export_openapi_schema --api config.api.api --indent 2 --output docs/openapi.json"
    assert served == json.loads(SNAPSHOT.read_text()), f"The API has changed: run {command} and read the difference."


def test_every_operation_of_the_contract_is_there_with_its_parameters_and_statuses() -> None:
    contract = yaml.safe_load((Path(__file__).parent / "contract.yaml").read_text())
    served = document()["paths"]

    for path, methods in contract.items():
        for method, wanted in methods.items():
            operation = served[f"/api{path}"][method]
            assert operation["operationId"] == wanted["operation"]
            assert str(wanted["status"]) in operation["responses"]
            names = {parameter["name"] for parameter in operation["parameters"]}
            assert {"Ngrok-Version", *wanted.get("parameters", [])} <= names, operation["operationId"]


def test_every_operation_is_described_and_every_body_has_an_example() -> None:
    for name, operation in operations().items():
        assert operation["summary"], name
        assert "default" in operation["responses"], name
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["example"] == EXAMPLES[name]


def test_the_examples_are_taken(account: Account, api: Api) -> None:
    destination = make_destination(account)
    subscription = make_subscription(account, destination)
    paths = {
        each["operationId"]: (method, path)
        for path, each_path in document()["paths"].items()
        for method, each in each_path.items()
    }
    publishing = Api(make_api_key(account, ["publish"]))
    known = {"subscription_id": subscription.pk, "type": "http_request_complete.v0"}

    for name in sorted(EXAMPLES.keys() - OF_WHAT_IS_NOT_THERE):
        method, path = paths[name]
        pk = destination.pk if "destination" in path else subscription.pk
        address = path.removeprefix("/api").format(id=pk, **known)
        caller = publishing if name == "EventsPublish" else api
        answer = caller.call(method.upper(), address, EXAMPLES[name])
        assert answer.status_code < 300, (name, answer.content)


def test_the_docs_come_from_here_and_obey_the_policy(db: None) -> None:
    page = Client().get("/api/docs")

    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    text = page.content.decode()
    assert "/static/ninja/swagger-ui-bundle.js" in text
    assert "//cdn" not in text
    assert "<style" not in text


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_api_keeps_to_its_document(live_server: LiveServer, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    account = Account.objects.create(name="Acme Edge", max_destinations=100_000, max_subscriptions=100_000)
    world = make_world(account)
    token = make_api_key(account, ["api", "publish"])
    schema = schemathesis.openapi.from_url(f"{live_server.url}/api/openapi.json")
    tried = 0

    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        _try_operation(found.ok(), token, world)
        tried += 1
    assert tried == len(operations())


def _try_operation(operation: Any, token: str, world: World) -> None:
    """With whatever IDs may be typed, and with those that are there, so that more than 404 is tried."""

    @settings_for_operation
    @given(case=operation.as_strategy(), is_there=booleans())
    def run(case: Any, is_there: bool) -> None:
        if is_there and case.method != "DELETE":
            case.path_parameters = {**(case.path_parameters or {}), **_known(world, operation.path)}
        headers = {"Authorization": f"Bearer {token}", "Ngrok-Version": "2"}
        case.call_and_validate(headers=headers, checks=CHECKS)

    run()


def _known(world: World, path: str) -> dict[str, Any]:
    ids: dict[str, Any] = {
        "/api/event_destinations/": world.destination.pk,
        "/api/event_destination_tests/": world.run,
        "/api/event_subscriptions/": world.subscription.pk,
        "/api/event_deliveries/": world.delivery.pk,
        "/api/event_replays/": world.replay,
        "/api/event_backtests/": world.backtest.pk,
        "/api/events/": world.event,
    }
    known = {"id": next((pk for start, pk in ids.items() if path.startswith(start)), None)}
    known |= {"subscription_id": world.subscription.pk, "number": 1, "type": HTTP, "name": HTTP, "target": "datadog"}
    return {name: str(value) for name, value in known.items() if f"{{{name}}}" in path and value is not None}


# Seeded: each run tries the same. About 600 requests, 20 s on an idle core.
settings_for_operation = settings(
    max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
