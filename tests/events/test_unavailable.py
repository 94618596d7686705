"""A database that is locked, full or gone: a clear answer, and nothing acknowledged."""

import sqlite3

import pytest
from django.db import connection, connections
from django.test import Client

from accounts.models import Account
from events.models import EventBatch
from tests.factories import make_api_key, make_event

JSON = "application/json"


pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="These are SQLite's ways to fail."),
]


def test_a_locked_database_is_a_503_that_asks_to_repeat(account: Account, client: Client) -> None:
    token = make_api_key(account)
    settings = connections["default"].settings_dict
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(settings["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    answer = client.post(
        "/api/events", [make_event(), make_event()], headers={"Authorization": f"Bearer {token}"}, content_type=JSON
    )
    other.execute("ROLLBACK")
    other.close()

    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert "nothing was accepted" in answer.json()["msg"]
    assert not EventBatch.objects.exists()


def test_a_full_disk_is_a_503_and_the_service_goes_on_when_there_is_room(account: Account, client: Client) -> None:
    token = make_api_key(account)
    big = make_event(object={"padding": "x" * 100_000})
    headers = {"Authorization": f"Bearer {token}"}
    with connection.cursor() as cursor:
        # What earlier tests freed would be room.
        cursor.execute("VACUUM")
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")

    answer = client.post("/api/events", big, headers=headers, content_type=JSON)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 1073741823")

    assert answer.status_code == 503
    assert not EventBatch.objects.exists()
    assert client.post("/api/events", big, headers=headers, content_type=JSON).status_code == 202
