import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit import SYSTEM
from accounts.models import Account, APIKey
from accounts.services import revoke_api_key
from events.models import EventBatch, PublisherKey
from events.services import issue_token
from tests.factories import make_account, make_api_key, make_event

pytestmark = pytest.mark.django_db

URL = "/api/events"


def post(body: bytes | str, token: str = "", content_type: str = "application/json", **headers: str) -> Any:
    sent = {"Authorization": f"Bearer {token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Client().post(
        URL, body, content_type=content_type, headers={k: v for k, v in sent.items() if v != "Bearer "}
    )


def test_events_are_accepted_with_an_account_key(account: Account) -> None:
    response = post(json.dumps([make_event(), make_event()]), make_api_key(account))

    assert response.status_code == 202
    assert response.json()["accepted"] == len(response.json()["event_ids"]) == 2
    assert EventBatch.objects.get().account == account


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/x-ndjson", "application/json; charset=utf-8"]
)
def test_ndjson_and_gzip_are_taken(account: Account, content_type: str) -> None:
    body = gzip.compress(b"\n".join(json.dumps(make_event()).encode() for _ in range(3)))

    response = post(body, make_api_key(account), content_type, Content_Encoding="gzip")

    assert response.json()["accepted"] == 3


def test_a_publisher_key_names_the_account(account: Account) -> None:
    token = issue_token(PublisherKey(name="edge"))

    assert post(json.dumps(make_event(account_id=account.pk)), token).status_code == 202
    refused = post(json.dumps(make_event()), token)
    assert refused.status_code == 400
    assert refused.json()["details"]["rejected"][0]["code"] == "no_account"


@pytest.mark.parametrize(
    ("authorization", "status", "code"),
    [
        ("", 401, 200),
        ("Digest abc", 401, 201),
        ("Bearer nonsense", 401, 202),
        ("Bearer ak_2u9gA1tRwE6uYiOpLkJhGfDsQpZ", 401, 208),
        ("Bearer 2u9gA1tRwE6uYiOpLkJhGfDsQpZ_abcdefghijklmnopqrstu", 401, 203),
    ],
)
def test_without_a_valid_key_nothing_is_accepted(db: None, authorization: str, status: int, code: int) -> None:
    headers = {"Authorization": authorization} if authorization else {}

    response = Client().post(URL, json.dumps(make_event()), content_type="application/json", headers=headers)

    assert response.status_code == status
    assert response.json()["error_code"] == f"ERR_NGROK_{code}"
    assert set(response.json()) == {"error_code", "status_code", "msg", "details"}
    assert response.json()["details"]["operation_id"].startswith("op_")


def test_a_key_without_the_scope_expired_or_revoked_is_refused(account: Account) -> None:
    body = json.dumps(make_event())
    assert post(body, make_api_key(account, ["api"])).status_code == 403

    token = make_api_key(account)
    APIKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert post(body, token).status_code == 401

    token = make_api_key(account)
    revoke_api_key(key=APIKey.objects.order_by("-created_at").first(), actor=SYSTEM)  # type: ignore[arg-type]
    assert post(body, token).status_code == 401


def test_a_suspended_account_may_not_publish(account: Account) -> None:
    token = make_api_key(account)
    Account.objects.update(suspended_at=timezone.now())

    assert post(json.dumps(make_event()), token).status_code == 403


@pytest.mark.parametrize(
    ("body", "headers", "content_type", "status"),
    [
        ("{", {}, "application/json", 400),
        ("", {}, "application/json", 400),
        ("{}", {}, "text/plain", 415),
        ("{}", {"Content_Encoding": "br"}, "application/json", 415),
        ("no gzip", {"Content_Encoding": "gzip"}, "application/json", 400),
        ("x" * (5 * 1024 * 1024 + 1), {}, "application/json", 413),
        ("x" * (7 * 1024 * 1024), {}, "application/json", 413),
    ],
)
def test_a_bad_request_is_a_json_error_and_stores_nothing(
    account: Account, body: str, headers: dict[str, str], content_type: str, status: int
) -> None:
    response = post(body, make_api_key(account), content_type, **headers)

    assert response.status_code == status, response.content
    assert response.json()["status_code"] == status
    assert not EventBatch.objects.exists()


def test_a_gzip_bomb_is_refused_without_unpacking_it(account: Account) -> None:
    bomb = gzip.compress(b" " * (64 * 1024 * 1024))

    assert post(bomb, make_api_key(account), Content_Encoding="gzip").status_code == 413


def test_faults_are_listed_by_index_and_partial_accepts_the_rest(account: Account) -> None:
    token = make_api_key(account)
    body = json.dumps([make_event(), {"event_type": "nothing.v0", "object": {}}])

    refused = post(body, token)
    assert refused.status_code == 400
    assert [fault["index"] for fault in refused.json()["details"]["rejected"]] == [1]

    accepted = Client().post(
        f"{URL}?partial=true", body, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
    )
    assert (accepted.status_code, accepted.json()["accepted"]) == (202, 1)


def test_an_idempotency_key_answers_the_same_and_conflicts_with_another_body(account: Account) -> None:
    token, body = make_api_key(account), json.dumps(make_event())

    first = post(body, token, Idempotency_Key="k1")
    second = post(body, token, Idempotency_Key="k1")
    other = post(json.dumps([make_event()]), token, Idempotency_Key="k1")

    assert first.json() == second.json()
    assert other.status_code == 409
    assert EventBatch.objects.count() == 1


def test_one_account_cannot_publish_for_another(account: Account) -> None:
    other = make_account(name="Other")

    response = post(json.dumps(make_event(account_id=other.pk)), make_api_key(account))

    assert response.status_code == 400
    assert not EventBatch.objects.exists()


def test_unknown_paths_and_methods_answer_in_json(db: None) -> None:
    for response in (Client().get("/api/nothing"), Client().get("/api/")):
        assert response.status_code == 404
        assert response.json()["status_code"] == 404
    assert Client().get(URL).status_code == 405
