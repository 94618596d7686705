import re
from typing import Any

import pytest

from accounts.models import Account
from subscriptions.models import Revision, Source, Subscription
from tests.api.calling import Api, assert_error
from tests.factories import AUDIT, HTTP, TCP

FILTER = "ev.conn.server_port == 443"


def test_a_subscription_comes_back_with_its_sources_and_destinations(api: Api) -> None:
    first, second = api.destination(), api.destination()
    source = {"type": HTTP, "filter": FILTER, "fields": ["conn.server_name"]}

    made = api.subscription(
        first["id"], second["id"], sources=[source, {"type": AUDIT}], description="Requests", metadata="m"
    )

    base = f"http://127.0.0.1:8000/api/event_subscriptions/{made['id']}"
    assert re.fullmatch(r"esb_[0-9A-Za-z]{27}", made["id"])
    assert made == {
        "id": made["id"],
        "uri": base,
        "created_at": made["created_at"],
        "metadata": "m",
        "description": "Requests",
        "sources": [{**source, "uri": f"{base}/sources/{HTTP}"}, {"type": AUDIT, "uri": f"{base}/sources/{AUDIT}"}],
        "destinations": sorted(
            ({"id": each["id"], "uri": each["uri"]} for each in (first, second)), key=lambda ref: ref["id"]
        ),
    }
    assert api.get(f"/event_subscriptions/{made['id']}").json() == made


def test_what_comes_back_can_be_sent_back_and_changes_nothing(api: Api) -> None:
    made = api.subscription(
        api.destination()["id"], sources=[{"type": HTTP, "filter": FILTER, "fields": ["conn.start_ts"]}]
    )

    answer = api.patch(f"/event_subscriptions/{made['id']}", made)

    assert (answer.status_code, answer.json()) == (200, made)
    assert Revision.objects.count() == 1


def test_an_update_changes_what_it_names_and_an_empty_list_of_sources_changes_none(api: Api) -> None:
    made = api.subscription(api.destination()["id"], description="Old", metadata="m")
    path = f"/event_subscriptions/{made['id']}"

    changed = api.patch(path, {"description": "New", "sources": []}).json()

    assert changed == {**made, "description": "New"}
    replaced = api.patch(path, {"sources": [{"type": TCP}], "destination_ids": []}).json()
    assert ([source["type"] for source in replaced["sources"]], replaced["destinations"]) == ([TCP], [])


def test_without_fields_all_are_sent_and_naming_all_is_the_same(api: Api) -> None:
    every = [field["path"] for field in api.get(f"/event_types/{HTTP}").json()["fields"]]

    made = api.subscription(sources=[{"type": HTTP, "fields": every}, {"type": TCP}])

    assert [set(source) for source in made["sources"]] == [{"type", "uri"}] * 2
    assert set(Source.objects.values_list("fields", flat=True)) == {None}


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ({}, 238),
        ({"type": "http_request.v0"}, 238),
        ({"type": HTTP, "fields": []}, 5400),
        ({"type": AUDIT, "fields": ["id"]}, 5401),
        ({"type": AUDIT, "filter": "ev.id == 'x'"}, 5402),
        ({"type": HTTP, "fields": ["conn.nothing"]}, 5403),
        ({"type": HTTP, "filter": "ev.conn.server_port =="}, 5404),
        ({"type": HTTP, "filter": "ev.conn.server_port"}, 5404),
        ({"type": HTTP, "filter": "ev.conn.nothing == 1"}, 5405),
        ({"type": HTTP, "filter": "nothing == 1"}, 5405),
        ({"type": HTTP, "filter": "nothing(1) == 1"}, 5404),
        ({"type": HTTP, "filter": "ev.http.request.method == 'GET'"}, 5406),
        ({"type": HTTP, "fields": "conn"}, 215),
        ({"type": HTTP, "colour": "red"}, 214),
        ({"type": 1}, 215),
    ],
)
def test_a_wrong_source_is_refused_under_its_code(api: Api, source: dict[str, Any], code: int) -> None:
    in_subscription = api.post("/event_subscriptions", {"sources": [source]})
    made = api.subscription(sources=[{"type": "ip_policy_deleted.v0"}])
    alone = api.post(f"/event_subscriptions/{made['id']}/sources", source)

    assert_error(in_subscription, code)
    assert_error(alone, code)
    assert Source.objects.count() == 1


def test_a_filter_that_does_not_compile_is_shown_where(api: Api) -> None:
    answer = assert_error(api.post("/event_subscriptions", {"sources": [{"type": HTTP, "filter": "\n  ev. =="}]}), 5404)

    assert "Line 2" in answer["msg"]


def test_a_type_is_there_once(api: Api) -> None:
    assert_error(api.post("/event_subscriptions", {"sources": [{"type": HTTP}, {"type": HTTP}]}), 5127)
    made = api.subscription()
    assert_error(api.post(f"/event_subscriptions/{made['id']}/sources", {"type": HTTP}), 5127)


def test_destinations_are_the_accounts_own_and_named_once(api: Api, stranger_api: Api) -> None:
    own, foreign = api.destination()["id"], stranger_api.destination()["id"]

    assert_error(api.post("/event_subscriptions", {"destination_ids": [foreign]}), 5103, 404)
    assert_error(api.post("/event_subscriptions", {"destination_ids": ["ed_nothing"]}), 223)
    assert_error(api.post("/event_subscriptions", {"destination_ids": [own.replace("ed_", "esb_")]}), 227)
    assert_error(api.post("/event_subscriptions", {"destination_ids": [own, own]}), 215)
    assert not Subscription.objects.exists()


def test_limits_are_the_accounts(api: Api, account: Account) -> None:
    ids = [api.destination()["id"] for _ in range(2)]
    Account.objects.filter(pk=account.pk).update(max_subscriptions=1, max_destinations_per_subscription=1)

    assert_error(api.post("/event_subscriptions", {"destination_ids": ids}), 5126)
    api.subscription(ids[0])
    assert_error(api.post("/event_subscriptions", {}), 5131)


def test_sources_live_their_own_life(api: Api) -> None:
    path = f"/event_subscriptions/{api.subscription(sources=[])['id']}/sources"
    wanted = {"type": HTTP, "filter": FILTER, "fields": ["conn.server_name"]}

    made = api.post(path, wanted)
    assert (made.status_code, {k: v for k, v in made.json().items() if k != "uri"}) == (201, wanted)
    assert made.json()["uri"].endswith(f"{path}/{HTTP}")
    assert api.get(path).json()["sources"] == [made.json()]
    assert api.get(f"{path}/{HTTP}").json() == made.json()

    assert api.patch(f"{path}/{HTTP}").json() == made.json()
    assert api.patch(f"{path}/{HTTP}", made.json()).json() == made.json()
    assert "filter" not in api.patch(f"{path}/{HTTP}", {"filter": ""}).json()
    assert "fields" not in api.patch(f"{path}/{HTTP}", {"fields": None}).json()
    assert_error(api.patch(f"{path}/{HTTP}", {"fields": []}), 5400)

    assert api.delete(f"{path}/{HTTP}").status_code == 204
    assert_error(api.get(f"{path}/{HTTP}"), 5125, 404)
    assert api.get(path).json()["sources"] == []


def test_a_body_may_repeat_the_path_but_not_contradict_it(api: Api) -> None:
    made = api.subscription()
    path = f"/event_subscriptions/{made['id']}"
    agreed = {"subscription_id": made["id"], "type": HTTP}

    assert api.patch(f"{path}/sources/{HTTP}", agreed).status_code == 200
    assert api.patch(path, {"id": made["id"]}).status_code == 200
    assert_error(api.patch(f"{path}/sources/{HTTP}", {"type": TCP}), 5117)
    assert_error(api.patch(f"{path}/sources/{HTTP}", {"subscription_id": "esb_other"}), 5117)
    assert_error(api.patch(path, {"id": "esb_other"}), 5117)


def test_pausing_and_resuming(api: Api) -> None:
    path = f"/event_subscriptions/{api.subscription()['id']}"

    assert api.post(f"{path}/pause").status_code == 200
    assert Subscription.objects.get().state == Subscription.State.PAUSED
    assert api.post(f"{path}/resume").status_code == 200
    assert Subscription.objects.get().state == Subscription.State.ACTIVE


def test_a_foreign_one_answers_as_a_missing_one(api: Api, stranger_api: Api) -> None:
    foreign = stranger_api.subscription()["id"]
    missing = foreign[:-5] + "00000"
    operations = [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/pause"), ("GET", "/sources")]
    operations += [("POST", "/sources"), ("DELETE", f"/sources/{HTTP}"), ("PATCH", f"/sources/{HTTP}")]

    for method, tail in operations:
        answers = []
        for pk in (foreign, missing):
            answer = assert_error(api.call(method, f"/event_subscriptions/{pk}{tail}"), 5123, 404)
            answers.append(answer["msg"].replace(pk, "ID"))
        assert answers[0] == answers[1]
    assert Source.objects.count() == 1
