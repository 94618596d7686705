import re
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Account, AuditEntry
from delivery.models import Delivery
from delivery.route import route_account
from destinations.models import Destination
from destinations.targets import all_targets
from events.publishing import publish
from tests.api.calling import AZURE, CLOUDWATCH, DATADOG, FIREHOSE, KEY, KINESIS, ROLE, TARGETS, Api, assert_error
from tests.factories import make_event, make_subscription


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


def datadog(**changed: Any) -> dict[str, Any]:
    return {"datadog": {**DATADOG["datadog"], **changed}}


def kinesis(**changed: Any) -> dict[str, Any]:
    return {"kinesis": {**KINESIS["kinesis"], **changed}}


def azure(**changed: Any) -> dict[str, Any]:
    return {"azure_logs_ingestion": {**AZURE["azure_logs_ingestion"], **changed}}


def creds(**given: str) -> dict[str, Any]:
    whole = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x" * 40}
    return kinesis(auth={"creds": {**whole, **given}})


STREAM = "arn:aws:kinesis:eu-west-1:111122223333:stream/acme"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (None, 5100),
        ({}, 5100),
        ({"datadog": None}, 5100),
        ({**DATADOG, **KINESIS}, 5115),
        ({"s3": {}}, 236),
        (kinesis(auth=None), 5106),
        (kinesis(auth={}), 5107),
        (kinesis(auth={"role": {"role_arn": ROLE}, "creds": creds()["kinesis"]["auth"]["creds"]}), 5116),
        (kinesis(auth={"role": {"role_arn": "arn:aws:iam::111122223333:user/me"}}), 5104),
        (kinesis(auth={"role": {"role_arn": "nonsense"}}), 5104),
        (creds(aws_access_key_id="ASIAIOSFODNN7EXAMPLE"), 240),
        (creds(aws_secret_access_key=""), 240),
        (creds(aws_access_key_id=""), 240),
        (kinesis(stream_arn="nonsense"), 5120),
        (kinesis(stream_arn=STREAM.replace("arn:aws:", "arn:aws-cn:")), 5118),
        (kinesis(stream_arn=STREAM.replace(":kinesis:", ":sqs:")), 5119),
        (kinesis(stream_arn=STREAM.replace("eu-west-1", "mars")), 5129),
        (kinesis(stream_arn=STREAM.replace("111122223333", "1")), 5129),
        (kinesis(stream_arn=STREAM + "/consumer/me:1"), 5130),
        (kinesis(stream_arn=None), 5140),
        (datadog(api_key=""), 5133),
        (datadog(ddsite="datadoghq.example"), 5134),
        (datadog(ddsite=None), 5134),
        (datadog(ddtags="[a]"), 5140),
        (azure(data_collection_rule_id="dcr-1"), 5136),
        (azure(data_collection_stream_name="Acme"), 5137),
        (azure(logs_ingestion_uri="https://169.254.169.254"), 5138),
        (azure(logs_ingestion_uri="http://acme.westeurope.ingest.monitor.azure.com"), 5138),
        (azure(tenant_id="x"), 5139),
        (azure(client_secret=None), 5139),
    ],
)
def test_a_wrong_target_is_refused_under_its_code(api: Api, target: Any, code: int) -> None:
    answer = api.post("/event_destinations", {"format": "json", "target": target})

    assert_error(answer, code)
    assert not Destination.objects.exists()


def test_the_arn_of_another_service_says_what_it_is(api: Api) -> None:
    wrong = kinesis(stream_arn=CLOUDWATCH["cloudwatch_logs"]["log_group_arn"])

    answer = assert_error(api.post("/event_destinations", {"format": "json", "target": wrong}), 5119)

    assert "log group" in answer["msg"]
    assert "stream_arn" in answer["details"]["fields"]


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


@pytest.fixture
def held(api: Api, account: Account) -> str:
    """The ID of a paused destination with three records that wait."""
    pk = str(api.destination()["id"])
    make_subscription(account, Destination.objects.get(pk=pk))
    api.post(f"/event_destinations/{pk}/pause")
    publish([make_event() for _ in range(3)], account=account)
    route_account(account.pk)
    return pk


def test_what_is_held_is_counted(api: Api, account: Account, held: str) -> None:
    found = api.get(f"/event_destinations/{held}/held").json()

    routed_at = Delivery.objects.get().routed_at
    assert found.pop("bytes") > 0
    assert found == {
        "records": 3,
        "oldest_at": f"{routed_at:%Y-%m-%dT%H:%M:%SZ}",
        "first_loss_at": f"{routed_at + timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}",
        "uri": f"{api.get(f'/event_destinations/{held}').json()['uri']}/held",
    }
    other = api.destination()["id"]
    assert api.get(f"/event_destinations/{other}/held").json()["oldest_at"] is None


@pytest.mark.parametrize(
    ("body", "discarded", "waiting", "newest_first"),
    [
        (None, 0, 3, False),
        ({}, 0, 3, False),
        ({"how": "in_order"}, 0, 3, False),
        ({"how": "newest_first"}, 0, 3, True),
        ({"how": "skip"}, 3, 0, False),
    ],
)
def test_resuming_says_what_becomes_of_what_was_held(
    api: Api, held: str, body: dict[str, str] | None, discarded: int, waiting: int, newest_first: bool
) -> None:
    answer = api.post(f"/event_destinations/{held}/resume", body).json()

    assert (answer["id"], answer["discarded"], answer["moved"]) == (held, discarded, 0)
    assert api.get(f"/event_destinations/{held}/held").json()["records"] == waiting
    found = Destination.objects.get(pk=held)
    assert (found.state, found.newest_first) == (Destination.State.ACTIVE, newest_first)


def test_what_was_held_can_go_to_another_destination(api: Api, held: str) -> None:
    other = api.destination()["id"]

    answer = api.post(f"/event_destinations/{held}/resume", {"how": "move", "destination_id": other}).json()

    assert (answer["id"], answer["discarded"], answer["moved"]) == (held, 0, 3)
    assert api.get(f"/event_destinations/{other}/held").json()["records"] == 3


def test_a_resumption_that_makes_no_sense_changes_nothing(api: Api, stranger_api: Api, held: str) -> None:
    path, foreign = f"/event_destinations/{held}/resume", stranger_api.destination()["id"]

    assert_error(api.post(path, {"how": "backwards"}), 215)
    assert_error(api.post(path, {"how": "move"}), 215)
    assert_error(api.post(path, {"how": "move", "destination_id": held}), 215)
    assert_error(api.post(path, {"how": "skip", "destination_id": held}), 215)
    assert_error(api.post(path, {"destination_id": held}), 215)
    assert_error(api.post(path, {"how": "move", "destination_id": foreign}), 5103, 404)
    assert_error(api.post(path, {"records": 3}), 214)
    assert Destination.objects.get(pk=held).state == Destination.State.PAUSED
    assert api.get(f"/event_destinations/{held}/held").json()["records"] == 3


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
