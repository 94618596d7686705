"""What a destination holds, through the API, and what becomes of it when it goes on."""

from datetime import timedelta

import pytest

from accounts.models import Account
from delivery.models import Delivery
from delivery.route import route_account
from destinations.models import Destination
from events.publishing import publish
from tests.api.calling import Api, assert_error
from tests.factories import make_event, make_subscription


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
