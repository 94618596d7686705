"""The audit trail: who, what, when and from where; its filters, pages and export; no secret in it."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.audit import SYSTEM, Actor, record_change
from accounts.models import Account, AuditEntry, User
from accounts.services import create_api_key
from accounts.trail import difference, words_of
from common.choice import FEW, SUGGESTED
from tests.factories import make_api_key, make_destination

TRAIL = "/settings/audit/"


def make_entry(account: Account, actor: Actor = SYSTEM, **fields: object) -> AuditEntry:
    wanted = {"event_type": "member_joined", "object_id": "usr_1", "before": None, "after": {"n": 1}, **fields}
    return record_change(account=account, actor=actor, **wanted)  # type: ignore[arg-type]


def shown(client: Client, query: str = "") -> list[int]:
    return [row["entry"].pk for row in client.get(TRAIL + query).context["rows"]]


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


def test_an_old_actor_is_found_though_not_in_the_list(
    owner_client: Client, owner: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.actors.CHOICES_FROM", 1)
    old = make_entry(account, Actor.person(owner))
    make_entry(account)

    assert shown(owner_client, f"?actor={owner.pk}") == [old.pk]


def test_the_filter_tells_no_name_of_somebody_elsewhere(owner_client: Client, stranger: User, account: Account) -> None:
    make_entry(account)

    page = owner_client.get(f"{TRAIL}?actor={stranger.pk}").content.decode()

    assert stranger.email not in page


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


def make_people(account: Account, count: int) -> list[User]:
    """Who have each done something; numbered from 0, the last two with the same name."""
    people = User.objects.bulk_create(
        User(email=f"person{number:03}@acme.example", name=f"Person {min(number, count - 2):03}")
        for number in range(count)
    )
    for each in people:
        make_entry(account, Actor.person(each))
    return people


def suggested(client: Client, text: str) -> list[str]:
    page = client.get(f"{TRAIL}actors/", {"of": "actor", "actor": text}).content.decode()
    return [part.split('"')[0] for part in page.split('<option value="')[1:]]


def test_of_few_who_acted_one_is_chosen_from_a_list(owner_client: Client, account: Account) -> None:
    make_people(account, 3)

    page = owner_client.get(TRAIL).content.decode()

    assert '<select id="id_actor" name="actor"' in page
    assert "Anybody" in page
    assert page.count("Person 000</option>") == 1


def test_of_many_who_acted_one_is_found_by_the_name(owner_client: Client, account: Account) -> None:
    people = make_people(account, FEW + 1)

    page = owner_client.get(TRAIL).content.decode()
    assert 'list="id_actor-list"' in page
    assert suggested(owner_client, "son 00") == [f"Person 00{number}" for number in range(10)]
    assert len(suggested(owner_client, "")) == SUGGESTED
    for text in ("Person 007", people[7].pk):
        response = owner_client.get(TRAIL, {"actor": text})
        assert [row["entry"].actor_id for row in response.context["rows"]] == [people[7].pk]
        assert 'value="Person 007"' in response.content.decode()


def test_people_of_one_name_are_told_apart(owner_client: Client, account: Account) -> None:
    people = make_people(account, FEW + 1)

    names = suggested(owner_client, "Person 049")

    assert names == [f"Person 049 ({each.pk})" for each in sorted(people[-2:], key=lambda each: each.pk)]
    rows = owner_client.get(TRAIL, {"actor": names[0]}).context["rows"]
    assert [row["entry"].actor_id for row in rows] == [names[0][-32:-1].rpartition("(")[2]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("son 007", "One who acted here has “son 007” in the name: choose from the list."),
        ("Person", "51 who acted here have “Person” in their names: choose one from the list."),
        ("Zoë", "Nobody who acted here has “Zoë” in the name."),
    ],
)
def test_a_part_of_a_name_chooses_nobody_and_brings_the_list(
    owner_client: Client, account: Account, text: str, words: str
) -> None:
    make_people(account, FEW + 1)

    response = owner_client.get(TRAIL, {"actor": text})

    assert response.status_code == 422
    assert words in response.content.decode()


def test_who_acted_elsewhere_is_nobody_here(owner_client: Client, stranger: User, account: Account) -> None:
    make_people(account, FEW + 1)
    make_entry(Account.objects.get(name="Other"), Actor.person(stranger))

    assert suggested(owner_client, stranger.email) == []
    assert suggested(owner_client, stranger.pk) == []
    assert owner_client.get(TRAIL, {"actor": stranger.pk}).status_code == 422
