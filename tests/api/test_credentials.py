"""The credentials of a destination through the API: until when they work, and exchanging them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from destinations.emulators.receivers import Server
from destinations.models import Destination
from destinations.testing import run_test
from tests.api.calling import KEY, KINESIS, Api, assert_error

NEW_KEY = "fedcba9876543210fedcba9876543210"
NEW = {"datadog": {"api_key": NEW_KEY}}


def path_of(api: Api) -> str:
    return f"/event_destinations/{api.destination()['id']}/credentials"


def test_last_day_is_entered_and_warned_of(api: Api, stranger_api: Api) -> None:
    path = path_of(api)
    assert api.get(path).json()["expires_on"] is None
    soon = timezone.localdate() + timedelta(days=7)

    changed = api.patch(path, {"expires_on": soon.isoformat()})

    assert changed.status_code == 200
    found = api.get(path).json()
    assert found == changed.json()
    assert (found["expires_on"], found["days_left"], found["rotated"]) == (soon.isoformat(), 7, ["api_key"])
    assert "end in 7 days" in found["warning"]
    entry = AuditEntry.objects.latest("pk")
    assert (entry.actor["source"], (entry.after or {})["credentials_expire_on"]) == ("API", soon.isoformat())
    assert api.patch(path, {"expires_on": None}).json()["warning"] == ""
    assert_error(api.patch(path, {"expires_on": "2020-01-01"}), 215, 400)
    assert_error(api.patch(path, {"expires_on": "soon"}), 215, 400)
    for answer in (stranger_api.get(path), stranger_api.patch(path, {}), stranger_api.post(f"{path}/rotate", {})):
        assert_error(answer, 5103, 404)


def test_new_credentials_take_over_when_their_test_passes(api: Api, receiver: Server) -> None:
    path = path_of(api)
    stored = Destination.objects.get().secrets

    run = api.post(f"{path}/rotate", {"target": NEW, "expires_on": "2099-12-31"})

    assert run.status_code == 202
    assert Destination.objects.get().secrets == stored
    run_test(int(run.json()["id"]))
    found = api.get(f"/event_destination_tests/{run.json()['id']}").json()
    assert (found["state"], found["steps"][-1]["label"]) == ("passed", "Switch over")
    assert Destination.objects.get().secrets == {"api_key": NEW_KEY}
    assert api.get(path).json()["expires_on"] == "2099-12-31"
    entry = AuditEntry.objects.latest("pk")
    assert entry.actor["source"] == "API"
    assert NEW_KEY not in str(entry.after)


def test_new_credentials_that_fail_leave_the_old_ones(api: Api, receiver: Server) -> None:
    path = path_of(api)
    stored = Destination.objects.get().secrets

    run = api.post(f"{path}/rotate", {"target": {"datadog": {"api_key": "wrong".ljust(32, "0")}}})
    run_test(int(run.json()["id"]))

    found = api.get(f"/event_destination_tests/{run.json()['id']}").json()
    assert (found["state"], found["steps"][-1]["status"]) == ("failed", "skipped")
    assert Destination.objects.get().secrets == stored


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (None, 5100),
        (KINESIS, 5108),
        ({"datadog": {"api_key": KEY}}, 5140),
        ({"datadog": {"api_key": NEW_KEY, "service": "another"}}, 5117),
    ],
    ids=["none", "another kind", "the stored ones", "something else too"],
)
def test_what_is_no_rotation_is_refused(api: Api, target: dict[str, object] | None, code: int) -> None:
    assert_error(api.post(f"{path_of(api)}/rotate", {"target": target}), code, 400)


def test_role_has_no_credentials_that_end(api: Api) -> None:
    path = f"/event_destinations/{api.destination(KINESIS)['id']}/credentials"

    assert api.get(path).json()["rotated"] == []
    assert_error(api.patch(path, {"expires_on": "2099-12-31"}), 5140, 400)
    assert_error(api.post(f"{path}/rotate", {"target": KINESIS}), 5140, 400)
