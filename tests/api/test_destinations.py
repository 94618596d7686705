"""Destinations through the API: made, changed, paused and deleted."""

import re
from typing import Any

import pytest

from accounts.models import Account, AuditEntry
from destinations.models import Destination
from destinations.targets import all_targets
from tests.api.calling import DATADOG, FIREHOSE, KEY, KINESIS, ROLE, TARGETS, Api, assert_error


def slug_of(target: dict[str, Any]) -> str:
    return next(iter(target))


def blank(value: Any) -> Any:
    """The target as it comes back: without secrets, with what is unset as null."""
    if isinstance(value, dict):
        return {k: "" if k in SECRETS else blank(v) for k, v in value.items()}
    return value


SECRETS = {"api_key", "aws_secret_access_key", "client_secret"}


@pytest.mark.parametrize("target", TARGETS, ids=slug_of)
def test_a_destination_of_every_kind_is_created_and_comes_back_without_its_secrets(
    api: Api, target: dict[str, Any]
) -> None:
    made = api.destination(target, description="There", metadata='{"team": "edge"}')

    published = {"id", "metadata", "created_at", "description", "format", "target", "uri"}
    assert set(made) == {*published, "refuses_too_old"}
    assert re.fullmatch(r"ed_[0-9A-Za-z]{27}", made["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", made["created_at"])
    assert made["uri"] == f"http://127.0.0.1:8000/api/event_destinations/{made['id']}"
    assert (made["format"], made["description"], made["metadata"]) == ("json", "There", '{"team": "edge"}')
    assert set(made["target"]) == set(all_targets())
    assert [name for name, value in made["target"].items() if value] == [slug_of(target)]
    shown = made["target"][slug_of(target)]
    for name, value in blank(target[slug_of(target)]).items():
        assert shown[name] == ({"role": None, "creds": None, **value} if name == "auth" else value)
    assert api.get(f"/event_destinations/{made['id']}").json() == made


@pytest.mark.parametrize("target", TARGETS, ids=slug_of)
def test_what_comes_back_can_be_sent_back_and_changes_nothing(api: Api, target: dict[str, Any]) -> None:
    made = api.destination(target)
    stored = Destination.objects.get()

    answer = api.patch(f"/event_destinations/{made['id']}", made)

    assert (answer.status_code, answer.json()) == (200, made)
    now = Destination.objects.get()
    assert (now.config, now.secrets, now.revision) == (stored.config, stored.secrets, 1)
    assert AuditEntry.objects.filter(event_type="event_destination_updated.v0").count() == 0


def test_records_that_are_too_old_are_refused_on_request(api: Api) -> None:
    made = api.destination(refuses_too_old=True)
    path = f"/event_destinations/{made['id']}"

    assert made["refuses_too_old"] is True
    assert api.patch(path, {"description": "There"}).json()["refuses_too_old"] is True
    assert api.patch(path, {"refuses_too_old": False}).json()["refuses_too_old"] is False
    assert Destination.objects.get().revision == 3


def test_a_service_that_takes_records_of_any_age_refuses_none_as_too_old(api: Api) -> None:
    body = {"format": "json", "target": KINESIS, "refuses_too_old": True}
    assert "Kinesis takes records of any age" in assert_error(api.post("/event_destinations", body), 5140)["msg"]

    made = api.destination(KINESIS)
    assert_error(api.patch(f"/event_destinations/{made['id']}", {"refuses_too_old": True}), 5140)


def test_a_partition_key_stays_until_it_is_changed(api: Api) -> None:
    made = api.destination({"kinesis": {**KINESIS["kinesis"], "partition_key": "conn.client_ip"}})
    path = f"/event_destinations/{made['id']}"
    stream = {"kinesis": {"stream_arn": "arn:aws:kinesis:eu-west-1:111122223333:stream/other"}}

    assert api.patch(path, {"target": stream}).json()["target"]["kinesis"]["partition_key"] == "conn.client_ip"
    changed = api.patch(path, {"target": {"kinesis": {"partition_key": ""}}}).json()
    assert changed["target"]["kinesis"]["partition_key"] == ""
    refused = api.patch(path, {"target": {"kinesis": {"partition_key": "conn.nothing"}}})
    assert "No event type has a field conn.nothing" in assert_error(refused, 5140)["msg"]


def test_unset_texts_are_empty(api: Api) -> None:
    made = api.destination()

    assert (made["description"], made["metadata"]) == ("", "")


def test_an_update_changes_what_it_names_and_keeps_the_rest(api: Api) -> None:
    made = api.destination(description="Old", metadata="m")

    changed = api.patch(f"/event_destinations/{made['id']}", {"description": "New"}).json()
    target = api.patch(f"/event_destinations/{made['id']}", {"target": {"datadog": {"service": "api"}}}).json()

    assert (changed["description"], changed["metadata"]) == ("New", "m")
    assert target["target"]["datadog"] == {
        "api_key": "",
        "ddsite": "datadoghq.eu",
        "ddtags": "env:test",
        "service": "api",
    }
    assert Destination.objects.get().secrets == {"api_key": KEY}


def test_a_secret_is_replaced_and_a_moved_address_asks_for_it_again(api: Api) -> None:
    path = f"/event_destinations/{api.destination()['id']}"

    assert_error(api.patch(path, {"target": {"datadog": {"ddsite": "datadoghq.com"}}}), 5133)
    both = {"target": {"datadog": {"ddsite": "datadoghq.com", "api_key": "f" * 32}}}

    assert api.patch(path, both).status_code == 200
    assert Destination.objects.get().secrets == {"api_key": "f" * 32}


def test_keys_give_way_to_a_role(api: Api) -> None:
    made = api.destination(FIREHOSE)
    auth = {"role": {"role_arn": ROLE}, "creds": None}

    changed = api.patch(f"/event_destinations/{made['id']}", {"target": {"firehose": {"auth": auth}}}).json()

    assert changed["target"]["firehose"]["auth"] == auth
    assert Destination.objects.get().secrets == {}


def test_a_delete_answers_nothing_and_then_it_is_missing(api: Api) -> None:
    made = api.destination()

    answer = api.delete(f"/event_destinations/{made['id']}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert_error(api.get(f"/event_destinations/{made['id']}"), 5103, 404)
    assert_error(api.delete(f"/event_destinations/{made['id']}"), 5103, 404)


def test_one_in_use_is_not_deleted(api: Api) -> None:
    made = api.destination()
    api.subscription(made["id"], description="Requests")

    answer = assert_error(api.delete(f"/event_destinations/{made['id']}"), 5112)

    assert "Requests" in answer["msg"]


def test_a_format_comes_back_as_it_was_written(api: Api) -> None:
    made = api.post("/event_destinations", {"format": "JSON", "target": DATADOG}).json()
    path = f"/event_destinations/{made['id']}"

    assert (made["format"], api.get(path).json()["format"]) == ("JSON", "JSON")
    assert api.patch(path, {"format": "json"}).json()["format"] == "json"
    assert api.patch(path, {"description": "There"}).json()["format"] == "json"


def test_pausing_and_resuming_are_in_the_trail(api: Api, account: Account) -> None:
    path = f"/event_destinations/{api.destination()['id']}"

    for act in ("pause", "pause", "resume"):
        api.post(f"{path}/{act}")

    changes = AuditEntry.objects.filter(account=account, event_type="event_destination_updated.v0").order_by("pk")
    states = [(entry.before["state"], entry.after["state"]) for entry in changes if entry.before and entry.after]
    assert states == [("active", "paused"), ("paused", "active")]
    assert {entry.actor["kind"] for entry in changes} == {"api_key"}


@pytest.mark.parametrize("format_", [None, "", "xml"])
def test_the_format_is_json(api: Api, format_: Any) -> None:
    assert_error(api.post("/event_destinations", {"format": format_, "target": DATADOG}), 235)


def test_the_kind_of_target_and_what_is_given_by_us_cannot_change(api: Api) -> None:
    path = f"/event_destinations/{api.destination()['id']}"

    assert_error(api.patch(path, {"target": KINESIS}), 5108)
    assert_error(api.patch(path, {"id": "ed_other"}), 5117)
    assert_error(api.patch(path, {"created_at": "2020-01-01T00:00:00Z"}), 5117)
    assert_error(api.patch(path, {"format": "xml"}), 235)


def test_the_accounts_limit_is_named(api: Api, account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(max_destinations=1)
    api.destination()

    answer = assert_error(api.post("/event_destinations", {"format": "json", "target": DATADOG}), 5102)

    assert "1 destinations" in answer["msg"]


def test_pausing_and_resuming(api: Api) -> None:
    path = f"/event_destinations/{api.destination()['id']}"

    assert api.post(f"{path}/pause").status_code == 200
    assert Destination.objects.get().state == Destination.State.PAUSED

    assert api.post(f"{path}/resume").status_code == 200
    assert Destination.objects.get().state == Destination.State.ACTIVE


def test_a_foreign_one_answers_as_a_missing_one(api: Api, stranger_api: Api) -> None:
    foreign = stranger_api.destination()["id"]
    missing = foreign[:-5] + "00000"

    for method, tail in [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("GET", "/held"),
    ]:
        answers = []
        for pk in (foreign, missing):
            answer = assert_error(api.call(method, f"/event_destinations/{pk}{tail}"), 5103, 404)
            answers.append(answer["msg"].replace(pk, "ID"))
        assert answers[0] == answers[1]
    assert Destination.objects.get().state == Destination.State.ACTIVE
