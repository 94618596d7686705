"""Tests of destinations, revisions, deliveries, dead letters and whole configurations through the API."""

import json
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from accounts.models import Account, AuditEntry
from common import payloads
from delivery.models import Delivery
from delivery.route import route_account
from destinations.models import Destination, TestRun
from destinations.testing import run_test
from events.publishing import publish
from subscriptions.backtest import run_backtest
from subscriptions.models import Revision, Subscription
from tests.api.calling import AZURE, DATADOG, KEY, KINESIS, Api, assert_error
from tests.factories import AUDIT, HTTP, TCP, make_dead_letter, make_destination, make_event, make_subscription


def test_a_test_of_a_saved_destination_is_a_run_to_poll(api: Api, stranger_api: Api) -> None:
    made = api.destination()

    answer = api.post(f"/event_destinations/{made['id']}/test")

    assert answer.status_code == 202
    run = answer.json()
    assert (run["state"], run["destination_id"], run["target"], run["failure"]) == (
        "queued",
        made["id"],
        "datadog",
        None,
    )
    assert api.get(f"/event_destination_tests/{run['id']}").json() == run
    assert_error(stranger_api.get(f"/event_destination_tests/{run['id']}"), 404, 404)
    assert_error(api.get("/event_destination_tests/x"), 404, 404)


def test_a_failed_test_tells_why_in_an_error_of_its_own(api: Api) -> None:
    run = api.post(f"/event_destinations/{api.destination()['id']}/test").json()
    TestRun.objects.update(secrets={})

    run_test(int(run["id"]))

    shown = api.get(f"/event_destination_tests/{run['id']}").json()
    assert shown["state"] == "failed"
    assert shown["failure"]["error_code"] == "ERR_NGROK_5122"
    assert "API key is missing" in shown["failure"]["msg"]


def test_an_unsaved_configuration_is_tested_with_the_stored_secret_of_the_saved_one(api: Api) -> None:
    made = api.destination()
    target = {"datadog": {"ddsite": "datadoghq.eu", "service": "new"}}

    assert_error(api.post("/event_destinations/test", {"target": target}), 5133)
    answer = api.post("/event_destinations/test", {"id": made["id"], "target": target})

    assert answer.status_code == 202
    run = TestRun.objects.get()
    assert (run.destination, run.secrets, run.config["service"]) == (None, {"api_key": KEY}, "new")
    moved = {"datadog": {"ddsite": "datadoghq.com"}}
    assert_error(api.post("/event_destinations/test", {"id": made["id"], "target": moved}), 5133)
    assert KEY not in answer.content.decode()


def test_revisions_are_listed_compared_and_gone_back_to(api: Api) -> None:
    made = api.subscription(description="First")
    path = f"/event_subscriptions/{made['id']}"
    api.patch(path, {"description": "Second", "sources": [{"type": HTTP, "filter": "ev.conn.server_port == 443"}]})

    listed = api.get(f"{path}/revisions").json()
    assert [each["number"] for each in listed["revisions"]] == [2, 1]
    assert listed["revisions"][0] == api.get(f"{path}/revisions/2").json()
    assert api.get(f"{path}/revisions/2/diff").json() == {
        "before": 1,
        "after": 2,
        "differences": [
            {"path": "description", "before": "First", "after": "Second"},
            {"path": f"sources.{HTTP}.filter", "before": "", "after": "ev.conn.server_port == 443"},
        ],
    }
    assert api.get(f"{path}/revisions/1/diff?against=2").json()["differences"][0]["after"] == "First"
    assert_error(api.get(f"{path}/revisions/3"), 404, 404)

    assert api.post(f"{path}/revisions/1/rollback").json() == made
    assert Revision.objects.count() == 3


@pytest.fixture
def carried(account: Account) -> Delivery:
    destination = make_destination(account)
    delivery = Delivery.objects.create(
        account=account,
        subscription=make_subscription(account, destination),
        destination=destination,
        revision=1,
        routed_at=timezone.now(),
        count=2,
        bytes=100,
        payload=payloads.compress(b"{}\n{}\n"),
        dead_count=1,
    )
    make_dead_letter(delivery)
    return delivery


def test_deliveries_are_listed_and_found(api: Api, stranger_api: Api, carried: Delivery) -> None:
    shown = api.get(f"/event_deliveries/{carried.pk}").json()

    assert (shown["state"], shown["records"], shown["dead"], shown["waiting"]) == ("waiting", 2, 1, 1)
    for query in ("", "?state=waiting", f"?destination_id={carried.destination_id}"):
        assert api.get(f"/event_deliveries{query}").json()["event_deliveries"] == [shown]
    assert api.get("/event_deliveries?state=dead").json()["event_deliveries"] == []
    assert_error(api.get("/event_deliveries?state=lost"), 215)
    assert_error(api.get("/event_deliveries?before_id=x"), 223)
    assert api.get(f"/event_deliveries/{carried.pk}/attempts").json()["event_attempts"] == []
    assert_error(stranger_api.get(f"/event_deliveries/{carried.pk}"), 404, 404)
    assert stranger_api.get("/event_deliveries").json()["event_deliveries"] == []


def test_dead_letters_are_replayed_once(api: Api, stranger_api: Api, carried: Delivery) -> None:
    (letter,) = api.get("/event_dead_letters").json()["event_dead_letters"]
    assert (letter["code"], letter["reason"], letter["delivery_id"]) == ("400", "Not understood.", str(carried.pk))
    assert_error(stranger_api.post("/event_dead_letters/replay", {"ids": [letter["id"]]}), 404, 404)

    first = api.post("/event_dead_letters/replay", {"ids": [letter["id"]]})
    second = api.post("/event_dead_letters/replay", {"ids": [letter["id"]]})

    assert (first.status_code, first.json()["records"], second.json()["records"]) == (202, 1, 0)
    assert first.json()["event_deliveries"][0]["parent_id"] == str(carried.pk)
    assert_error(api.post("/event_dead_letters/replay"), 215)


def configured(api: Api) -> None:
    first, second = api.destination(DATADOG, description="SIEM"), api.destination(KINESIS, description="Stream")
    source = {"type": HTTP, "filter": "ev.conn.server_port == 443", "fields": ["conn.server_name"]}
    api.subscription(first["id"], second["id"], sources=[source, {"type": AUDIT}], description="Requests")


def test_an_export_has_everything_but_the_secrets_and_applying_it_changes_nothing(api: Api) -> None:
    configured(api)

    document = api.get("/event_configuration").json()

    siem = document["destinations"][0]
    assert {each["description"] for each in document["destinations"]} == {"SIEM", "Stream"}
    assert KEY not in json.dumps(document)
    siem = next(each for each in document["destinations"] if each["description"] == "SIEM")
    assert siem["target"]["datadog"]["api_key"] == f"secret://{siem['id']}/api_key"
    for way in ("plan", "apply"):
        assert api.post(f"/event_configuration/{way}", {**document, "prune": True}).json() == {"changes": []}


def test_a_plan_writes_nothing_and_an_apply_does_what_it_said(api: Api) -> None:
    configured(api)
    document = api.get("/event_configuration").json()
    document["subscriptions"][0]["sources"] = [{"type": TCP}]
    document["destinations"].append({"id": "new", "description": "Azure", "target": AZURE})
    document["subscriptions"][0]["destination_ids"] = ["new"]
    before = (Destination.objects.count(), Revision.objects.count(), AuditEntry.objects.count())

    planned = api.post("/event_configuration/plan", document).json()["changes"]
    assert (Destination.objects.count(), Revision.objects.count(), AuditEntry.objects.count()) == before
    applied = api.post("/event_configuration/apply", document).json()["changes"]

    assert [(each["action"], each["kind"]) for each in planned] == [
        ("create", "destination"),
        ("update", "subscription"),
    ]
    assert [each["description"] for each in planned] == [each["description"] for each in applied]
    assert [source.event_type for source in Subscription.objects.get().sources.all()] == [TCP]
    assert [each.description for each in Subscription.objects.get().destinations.all()] == ["Azure"]


def test_pruning_deletes_what_is_not_there_any_more(api: Api) -> None:
    configured(api)

    changes = api.post("/event_configuration/apply", {"prune": True}).json()["changes"]

    assert [each["action"] for each in changes] == ["delete"] * 3
    assert not Destination.objects.existing().exists()


def test_another_account_takes_it_over_with_the_secrets_handed_in(api: Api, stranger_api: Api) -> None:
    configured(api)
    document = api.get("/event_configuration").json()
    siem = next(each for each in document["destinations"] if each["description"] == "SIEM")
    reference = siem["target"]["datadog"]["api_key"]

    assert_error(stranger_api.post("/event_configuration/apply", document), 240)
    answer = stranger_api.post("/event_configuration/apply", {**document, "secrets": {reference: "e" * 32}})

    assert [each["action"] for each in answer.json()["changes"]] == ["create"] * 3
    taken = Destination.objects.exclude(pk=siem["id"]).get(description="SIEM")
    assert taken.secrets == {"api_key": "e" * 32}
    assert len(stranger_api.get("/event_configuration").json()["subscriptions"][0]["destination_ids"]) == 2


def test_a_fault_anywhere_applies_nothing(api: Api) -> None:
    document: dict[str, Any] = {
        "destinations": [{"id": "a", "target": DATADOG}],
        "subscriptions": [{"id": "b", "sources": [{"type": HTTP, "filter": "ev."}]}],
    }

    assert_error(api.post("/event_configuration/apply", document), 5404)
    document["subscriptions"] = [{"id": "b", "destination_ids": ["c"]}]
    assert_error(api.post("/event_configuration/plan", document), 5103, 404)

    assert not Destination.objects.exists()


def test_yaml_goes_both_ways(api: Api) -> None:
    configured(api)
    text = api.get("/event_configuration?format=yaml").content.decode()
    assert yaml.safe_load(text) == api.get("/event_configuration").json()

    assert post_yaml(api, text).json() == {"changes": []}
    assert_error(post_yaml(api, "a: &x [1]\nb: *x"), 213)
    assert_error(post_yaml(api, "!!python/object:os.system {}"), 213)
    assert_error(post_yaml(api, "version: ["), 213)
    assert_error(post_yaml(api, text, "/event_destinations"), 210, 415)


def post_yaml(api: Api, text: str, path: str = "/event_configuration/plan") -> Any:
    headers = {"Authorization": f"Bearer {api.token}", "Ngrok-Version": "2"}
    return Client().post(f"/api{path}", text, content_type="application/yaml", headers=headers)


def test_the_fate_of_an_event_is_told_from_its_id(api: Api, stranger_api: Api, account: Account) -> None:
    subscription = make_subscription(account, make_destination(account))
    (event_id,) = publish([make_event()], account=account).event_ids

    before = api.get(f"/events/{event_id}").json()
    route_account(account.pk)
    after = api.get(f"/events/{event_id}").json()

    assert [fate["state"] for fate in before["fates"]] == ["not_routed"]
    (fate,) = after["fates"]
    assert (fate["state"], fate["subscription_id"]) == ("waiting", subscription.pk)
    assert fate["destination_id"] == subscription.destinations.get().pk
    assert_error(stranger_api.get(f"/events/{event_id}"), 404, 404)
    assert_error(api.get(f"/events/{event_id.replace('ev_', 'ed_')}"), 227)
    assert_error(api.get("/events/nothing"), 404, 404)


def test_past_events_are_replayed_and_the_replay_is_stopped(api: Api, stranger_api: Api, account: Account) -> None:
    subscription = make_subscription(account, make_destination(account))
    publish([make_event(), make_event()], account=account)
    wanted = {"subscription_id": subscription.pk, "start": "2020-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}

    assert api.post("/event_replays/preview", wanted).json()["matched"] == 2
    made = api.post("/event_replays", wanted)

    assert (made.status_code, made.json()["state"]) == (202, "running")
    path = f"/event_replays/{made.json()['id']}"
    assert_error(api.post(f"{path}/resume"), 215)
    assert api.post(f"{path}/pause").json()["state"] == "paused"
    assert api.post(f"{path}/resume").json()["state"] == "running"
    assert api.post(f"{path}/cancel").json()["state"] == "cancelled"
    assert [each["id"] for each in api.get("/event_replays").json()["event_replays"]] == [made.json()["id"]]
    assert_error(stranger_api.get(path), 404, 404)
    assert_error(stranger_api.post("/event_replays", wanted), 5123, 404)
    for wrong in ({"start": "yesterday"}, {"end": None}, {"events_per_second": -1}, {"filter": "ev."}):
        assert_error(api.post("/event_replays", {**wanted, **wrong}), 215)


def test_sources_are_tried_on_stored_events(api: Api, stranger_api: Api, account: Account) -> None:
    publish([make_event(), make_event(TCP)], account=account)

    made = api.post("/event_backtests", {"sources": [{"type": HTTP}], "window": "all"})
    run_backtest(made.json()["id"])

    shown = api.get(f"/event_backtests/{made.json()['id']}").json()
    assert (made.status_code, shown["state"]) == (202, "done")
    assert shown["reading"] is not None
    assert_error(stranger_api.get(f"/event_backtests/{shown['id']}"), 404, 404)
    assert_error(api.post("/event_backtests", {}), 215)
    assert_error(api.post("/event_backtests", {"sources": [{"type": HTTP, "filter": "ev."}]}), 5404)
    assert_error(api.post("/event_backtests", {"sources": [{"type": HTTP}], "window": "1y"}), 215)
