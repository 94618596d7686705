"""Replays on pages: what one would do first, then its progress."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, User
from delivery.models import Delivery, Replay
from delivery.replay import run_replay
from destinations.models import Destination
from events.publishing import publish
from subscriptions.models import Subscription
from tests.carrying import Carry, FakeDatadog
from tests.factories import make_account, make_destination, make_event, make_subscription

HTMX = {"HX-Request": "true"}


@pytest.fixture
def subscription(account: Account, destination: Destination, datadog: FakeDatadog, carry: Carry) -> Subscription:
    """With three events that were delivered."""
    subscription = make_subscription(account, destination)
    publish([make_event() for _ in range(3)], account=account)
    carry(account)
    return subscription


def choice(subscription: Subscription, destination: Destination, /, **fields: Any) -> dict[str, Any]:
    now = timezone.now()
    return {
        "subscription": subscription.pk,
        "destination": destination.pk,
        "start": local(now - timedelta(hours=1)),
        "end": local(now + timedelta(minutes=5)),
        "event_ids": "",
        "filter": "",
        "events_per_second": "500",
        **fields,
    }


def local(time: datetime) -> str:
    return timezone.localtime(time).strftime("%Y-%m-%dT%H:%M")


def page_of(response: Any) -> str:
    return str(response.content.decode())


def test_what_would_happen_is_shown_before_anything_is_sent(
    owner_client: Client, subscription: Subscription, destination: Destination
) -> None:
    response = owner_client.get("/replays/new/", {**choice(subscription, destination), "preview": "1"})

    assert response.context["preview"].matched == 3
    assert "Replay 3 records" in page_of(response)
    assert 'id="preview-head" tabindex="-1" autofocus' in page_of(response)
    assert "3 of that time are at this destination already" in page_of(response)
    assert not Replay.objects.exists()


def test_a_replay_is_started_watched_and_done(
    owner_client: Client, subscription: Subscription, destination: Destination
) -> None:
    response = owner_client.post("/replays/new/", choice(subscription, destination))

    replay = Replay.objects.get()
    address = f"/replays/{replay.pk}/"
    assert response.headers["Location"] == address
    assert replay.created_by == "olivia@acme.example"
    assert "every 2s" in page_of(owner_client.get(address))
    for _ in range(3):
        Replay.objects.update(next_step_at=timezone.now())
        run_replay(replay.pk)
    last = owner_client.get(address, headers=HTMX)

    assert last.status_code == 286
    assert "every 2s" not in page_of(last)
    assert '<div hx-swap-oob="innerHTML:#say">Replay: Done, 3 records sent on</div>' in page_of(last)
    assert Delivery.objects.filter(origin="replay").get().count == 3
    assert "Done" in page_of(owner_client.get("/replays/"))


def test_the_page_of_a_replay_tells_what_became_of_its_records(
    owner_client: Client,
    account: Account,
    subscription: Subscription,
    destination: Destination,
    carry: Callable[[Account], None],
) -> None:
    owner_client.post("/replays/new/", choice(subscription, destination))
    replay = Replay.objects.get()
    Destination.objects.update(state=Destination.State.PAUSED)
    for _ in range(3):
        Replay.objects.update(next_step_at=timezone.now())
        run_replay(replay.pk)
    address = f"/replays/{replay.pk}/"
    delivery = Delivery.objects.get(replay=replay)

    held = owner_client.get(address)
    assert (held.context["outcome"].waiting, held.context["outcome"].delivered) == (3, 0)
    assert "is paused, and they are held until it is resumed" in page_of(held)
    assert f'href="/deliveries/{delivery.pk}/"' in page_of(held)
    assert "every 5s" in page_of(held)
    Destination.objects.update(state=Destination.State.ACTIVE)
    carry(account)

    last = owner_client.get(address, {"part": "outcome"}, headers=HTMX)
    assert (last.context["outcome"].waiting, last.context["outcome"].delivered) == (0, 3)
    assert "every 5s" not in page_of(last)


def test_the_preview_says_that_a_stopped_destination_holds(
    owner_client: Client, subscription: Subscription, destination: Destination
) -> None:
    asked = {**choice(subscription, destination), "preview": "1"}
    assert "records are held until" not in page_of(owner_client.get("/replays/new/", asked))
    Destination.objects.update(state=Destination.State.BLOCKED)

    page = page_of(owner_client.get("/replays/new/", asked))

    assert "is blocked: the records are held until it is mended." in page


def test_what_was_deleted_since_is_named_without_a_link(
    owner_client: Client, subscription: Subscription, destination: Destination
) -> None:
    owner_client.post("/replays/new/", choice(subscription, destination))
    delivery = Delivery.objects.filter(origin="routing").latest("pk")
    for each in (subscription, destination):
        type(each).objects.filter(pk=each.pk).update(deleted_at=timezone.now())

    for address in (f"/replays/{Replay.objects.get().pk}/", f"/deliveries/{delivery.pk}/"):
        page = page_of(owner_client.get(address)).split("<main")[1]
        assert f"{destination.name}</span> (deleted)" in page
        assert f'href="/subscriptions/{subscription.pk}/"' not in page
        assert f'href="/destinations/{destination.pk}/"' not in page


def test_single_events_are_replayed_by_their_ids(
    owner_client: Client, account: Account, subscription: Subscription, destination: Destination
) -> None:
    event_id = publish([make_event()], account=account).event_ids[0]
    page = page_of(owner_client.get("/replays/new/", {"event_ids": event_id}))
    assert event_id in page

    data = choice(subscription, destination, event_ids=event_id, start="", end="")
    owner_client.post("/replays/new/", data)

    assert Replay.objects.get().event_ids == [event_id]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"subscription": ""}, "This field is required"),
        ({"start": ""}, "Enter a time, or name single events."),
        ({"start": "2026-01-02T00:00", "end": "2026-01-01T00:00"}, "ends before it begins"),
        ({"filter": "((("}, "does not suit"),
        ({"event_ids": "ev_short"}, "is not an event ID"),
        ({"events_per_second": "0"}, "greater than or equal to 1"),
        ({"start": "2020-01-01T00:00", "end": "2020-01-02T00:00"}, "No event of that time is kept any more."),
    ],
)
def test_what_makes_no_sense_is_refused_and_kept(
    owner_client: Client, subscription: Subscription, destination: Destination, fields: dict[str, str], words: str
) -> None:
    response = owner_client.post("/replays/new/", choice(subscription, destination, **fields))

    assert response.status_code == 422
    assert words in page_of(response)
    assert not Replay.objects.exists()


def test_foreign_subscriptions_and_destinations_cannot_be_chosen(
    owner_client: Client, subscription: Subscription
) -> None:
    foreign = make_destination(make_account(name="Foreign"))

    response = owner_client.post("/replays/new/", choice(subscription, foreign))

    assert response.status_code == 422
    assert not Replay.objects.exists()


def test_a_replay_names_who_began_it(
    owner_client: Client, owner: User, subscription: Subscription, destination: Destination
) -> None:
    User.objects.filter(pk=owner.pk).update(name="Olivia Okafor", email=f"{'o' * 120}@acme.example")

    owner_client.post("/replays/new/", choice(subscription, destination))
    assert "by Olivia Okafor" in page_of(owner_client.get("/replays/"))

    User.objects.filter(pk=owner.pk).update(name="")
    owner_client.post("/replays/new/", choice(subscription, destination))
    assert Replay.objects.latest("pk").created_by == "o" * 100


def test_a_replay_is_paused_goes_on_and_is_cancelled(
    owner_client: Client, subscription: Subscription, destination: Destination
) -> None:
    owner_client.post("/replays/new/", choice(subscription, destination))
    replay = Replay.objects.get()

    for act, state in [("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")]:
        owner_client.post(f"/replays/{replay.pk}/{act}/")
        replay.refresh_from_db()
        assert replay.state == state
    response = owner_client.post(f"/replays/{replay.pk}/pause/", follow=True)

    assert "Nothing was changed" in page_of(response)


def test_viewers_watch_and_strangers_find_nothing(
    viewer_client: Client,
    stranger_client: Client,
    owner_client: Client,
    client: Client,
    subscription: Subscription,
    destination: Destination,
) -> None:
    owner_client.post("/replays/new/", choice(subscription, destination))
    address = f"/replays/{Replay.objects.get().pk}/"

    assert viewer_client.get(address).status_code == 200
    assert "<button class" not in page_of(viewer_client.get(address)).split("<main")[1].split("</main")[0]
    assert viewer_client.get("/replays/new/").status_code == 403
    assert stranger_client.get(address).status_code == 404
    assert "→" not in page_of(stranger_client.get("/replays/"))
    for act in ("pause", "resume", "cancel"):
        assert viewer_client.post(f"{address}{act}/").status_code == 403
        assert stranger_client.post(f"{address}{act}/").status_code == 404
        assert owner_client.get(f"{address}{act}/").status_code == 405
    for page in ("/replays/", "/replays/new/", address):
        assert client.get(page).headers["Location"] == f"/sign-in/?next={page}"


def test_each_quarter_is_told_once(owner_client: Client, subscription: Subscription, destination: Destination) -> None:
    owner_client.post("/replays/new/", choice(subscription, destination))
    address = f"/replays/{Replay.objects.get().pk}/"
    Replay.objects.update(batches_total=100)

    def told_at(done: int, said: str) -> bool:
        Replay.objects.update(batches_done=done, matched=done)
        return "#say" in page_of(owner_client.get(address, {"said": said}, headers=HTMX))

    assert not told_at(24, "running-0")
    assert told_at(25, "running-0")
    assert not told_at(49, "running-1")
    assert told_at(50, "running-1")


def test_the_page_names_what_its_reader_knows(
    owner_client: Client, subscription: Subscription, destination: Destination
) -> None:
    owner_client.post("/replays/new/", choice(subscription, destination))
    address = f"/replays/{Replay.objects.get().pk}/"
    Replay.objects.update(batches_total=100, batches_done=50)

    assert f'hx-get="{address}?said=running-2"' in page_of(owner_client.get(address))
    assert f'hx-get="{address}?said=running-2"' in page_of(owner_client.get(address, {"said": "x"}, headers=HTMX))
    assert "#say" not in page_of(owner_client.get(address))


def test_a_failure_is_told_with_its_reason(
    owner_client: Client, subscription: Subscription, destination: Destination
) -> None:
    owner_client.post("/replays/new/", choice(subscription, destination))
    Replay.objects.update(state="failed", error="The filter no longer compiles.")

    last = owner_client.get(f"/replays/{Replay.objects.get().pk}/", {"said": "running-0"}, headers=HTMX)

    assert "Replay: Failed, 0 records sent on. The filter no longer compiles.</div>" in page_of(last)
