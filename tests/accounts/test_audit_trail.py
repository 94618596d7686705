"""The audit trail: who, what, when and from where; its filters, pages and export; no secret in it."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.audit import SYSTEM, Actor
from accounts.models import Account, AuditEntry, User
from accounts.services import create_api_key
from accounts.trail import difference, words_of
from tests.accounts.trail import TRAIL, make_entry, shown
from tests.factories import make_api_key, make_destination


def test_an_entry_says_who_what_and_from_where(owner_client: Client, owner: User, account: Account) -> None:
    owner_client.post(
        "/settings/api-keys/", {"description": "CI", "scopes": ["api"]}, HTTP_USER_AGENT="Mozilla/5.0 Firefox/140.0"
    )
    entry = AuditEntry.objects.get()

    page = owner_client.get(f"{TRAIL}{entry.pk}/").content.decode()

    for words in (
        "API key created",
        owner.email,
        "Dashboard",
        "127.0.0.1",
        "Mozilla/5.0 Firefox/140.0",
        entry.object_id,
    ):
        assert words in page, words


def test_what_a_key_or_a_command_did_names_its_way(owner_client: Client, account: Account) -> None:
    key, _ = create_api_key(account=account, actor=SYSTEM, scopes=["api"], description="Terraform")
    make_entry(account, Actor.key(key))

    page = owner_client.get(TRAIL).content.decode()

    assert "API key Terraform" in page
    assert "Command line" in page
    assert AuditEntry.objects.filter(ip=None).count() == 2


def test_a_stranger_sees_nothing_of_it(stranger_client: Client, account: Account) -> None:
    entry = make_entry(account)

    assert shown(stranger_client) == []
    assert stranger_client.get(f"{TRAIL}{entry.pk}/").status_code == 404
    assert stranger_client.get(f"{TRAIL}export/").getvalue() == b""


def test_filters_narrow_it(owner_client: Client, owner: User, account: Account) -> None:
    old = make_entry(account, Actor.person(owner), event_type="member_invited", object_id="inv_1")
    AuditEntry.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(days=3))
    new = make_entry(account)
    yesterday = f"{timezone.now() - timedelta(days=1):%Y-%m-%d}"

    assert shown(owner_client) == [new.pk, old.pk]
    assert shown(owner_client, f"?actor={owner.pk}") == [old.pk]
    assert shown(owner_client, "?action=member_joined") == [new.pk]
    assert shown(owner_client, "?object=inv_1") == [old.pk]
    assert shown(owner_client, f"?since={yesterday}") == [new.pk]
    assert shown(owner_client, f"?until={yesterday}") == [old.pk]
    assert shown(owner_client, f"?actor={owner.pk}&action=member_invited&object=inv_1&until={yesterday}") == [old.pk]


def test_the_last_day_counts_to_its_end(owner_client: Client, account: Account) -> None:
    entry = make_entry(account)
    today = f"{timezone.now():%Y-%m-%d}"

    assert shown(owner_client, f"?since={today}&until={today}") == [entry.pk]


@pytest.mark.parametrize("query", ["?since=yesterday", "?actor=usr_nobody", "?action=%27%3B--", "?object=" + "x" * 50])
def test_a_filter_that_is_not_valid_says_so(owner_client: Client, account: Account, query: str) -> None:
    make_entry(account)

    assert owner_client.get(TRAIL + query).status_code == 422
    assert owner_client.get(f"{TRAIL}export/{query}").status_code == 422


def test_pages_go_by_key_and_keep_the_filters(owner_client: Client, account: Account) -> None:
    entries = [make_entry(account).pk for _ in range(51)]

    first = owner_client.get(f"{TRAIL}?action=member_joined").context["page"]
    second = owner_client.get(TRAIL + first.older).context["page"]

    assert [entry.pk for entry in first.rows] == entries[:0:-1]
    assert "action=member_joined" in first.older
    assert [entry.pk for entry in second.rows] == entries[:1]


def test_the_page_costs_the_same_with_many_entries(
    owner_client: Client, owner: User, account: Account, django_assert_max_num_queries: object
) -> None:
    for _ in range(30):
        make_entry(account, Actor.person(owner))

    with django_assert_max_num_queries(12):  # type: ignore[operator]
        owner_client.get(TRAIL)


def test_the_export_holds_what_the_filters_leave(owner_client: Client, account: Account) -> None:
    make_entry(account, event_type="member_invited")
    kept = make_entry(account, after={"name": "Zoë\nNew"})

    response = owner_client.get(f"{TRAIL}export/?action=member_joined")

    lines = response.getvalue().decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [kept.pk]
    assert json.loads(lines[0])["after"] == {"name": "Zoë\nNew"}
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert "attachment" in response.headers["Content-Disposition"]


def test_no_secret_is_in_it(owner_client: Client, account: Account) -> None:
    secret = "f00dfeedf00dfeedf00dfeedf00dfeed"
    make_destination(account, secrets={"api_key": secret})
    token = owner_client.post("/settings/api-keys/", {"scopes": ["api"]}).context["token"]

    pages = owner_client.get(f"{TRAIL}export/").getvalue().decode()
    pages += "".join(owner_client.get(f"{TRAIL}{pk}/").content.decode() for pk in shown(owner_client))

    assert pages.count("api_key_created.v0") > 0
    assert secret not in pages
    assert token not in pages


def test_names_from_others_are_text(owner_client: Client, account: Account) -> None:
    entry = make_entry(account, after={"name": "<script>alert(1)</script>"})
    AuditEntry.objects.update(user_agent="<img src=x>")

    page = owner_client.get(f"{TRAIL}{entry.pk}/").content.decode()

    assert "<script>alert" not in page
    assert "<img src=x>" not in page


def test_the_difference_marks_only_what_changed() -> None:
    lines = difference({"name": "A", "role": "editor"}, {"name": "A", "role": "admin"})

    assert [line.text.strip() for line in lines if line.kind == "del"] == ['"role": "editor"']
    assert [line.text.strip() for line in lines if line.kind == "add"] == ['"role": "admin"']
    assert {line.kind for line in difference(None, {"a": 1})} == {"add"}
    assert {line.kind for line in difference({"a": 1}, None)} == {"del"}


@pytest.mark.parametrize(
    ("event_type", "words"),
    [
        ("api_key_created.v0", "API key created"),
        ("event_destination_updated.v0", "Event destination updated"),
        ("member_role_changed", "Member role changed"),
    ],
)
def test_types_are_written_as_words(event_type: str, words: str) -> None:
    assert words_of(event_type) == words


def test_changes_through_the_api_are_in_it_with_their_origin(client: Client, account: Account) -> None:
    token = make_api_key(account, ["api"])
    destination = make_destination(account)

    client.patch(
        f"/api/event_destinations/{destination.pk}",
        {"description": "Renamed"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}", "User-Agent": "terraform/1.13", "Ngrok-Version": "2"},
    )

    entry = AuditEntry.objects.latest("pk")
    assert (entry.event_type, entry.ip, entry.user_agent) == (
        "event_destination_updated.v0",
        "127.0.0.1",
        "terraform/1.13",
    )
    assert entry.actor["source"] == "API"


@pytest.mark.parametrize(
    ("forwarded", "ip"),
    [("203.0.113.7, 198.51.100.4", "198.51.100.4"), ("garbage", None), ("'; drop table", None), ("", "127.0.0.1")],
)
def test_only_the_address_that_our_proxy_saw_is_believed(
    owner_client: Client, settings: Settings, forwarded: str, ip: str | None
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    owner_client.post("/settings/account/", {"name": "Renamed"}, headers=headers)

    assert AuditEntry.objects.get().ip == ip
