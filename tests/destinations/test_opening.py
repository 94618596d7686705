"""What a worker keeps open of the destinations that it sends to."""

import pytest
from pytest_django.fixtures import Settings

from accounts.models import Account
from destinations.opening import opened
from tests.destinations.targets.fake_aws import FakeAws
from tests.destinations.targets.samples import BY_ROLE, make_record
from tests.factories import make_destination

pytestmark = pytest.mark.django_db

STREAM = {"stream_arn": "arn:aws:kinesis:eu-west-1:111122223333:stream/acme"}
# More than a worker kept when each had a client and a TLS context of its own.
MANY = 120


def test_many_destinations_in_turn_ask_for_their_roles_once(
    account: Account, fake_aws: FakeAws, settings: Settings
) -> None:
    settings.DEMO, settings.DEMO_AWS_URL = True, fake_aws.url
    settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = "AKIAOURSOURSOURSOURS", "ours"
    account.max_destinations = MANY
    account.save()
    roles = [f"{BY_ROLE['role_arn']}-{number}" for number in range(MANY)]
    places = [
        make_destination(account, target="kinesis", config={**BY_ROLE, **STREAM, "role_arn": role}) for role in roles
    ]

    for place in [*places, *places]:
        opened(place).send([make_record()])

    assert len(fake_aws.calls_of("AssumeRole")) == MANY
    assert len(fake_aws.calls_of("PutRecords")) == 2 * MANY


def test_a_changed_destination_is_opened_anew_and_the_old_one_closed(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_destination(account)
    closed: list[object] = []
    first = opened(place)
    monkeypatch.setattr(first, "close", lambda: closed.append(first))

    assert opened(place) is first
    place.revision += 1

    assert opened(place) is not first
    assert closed == [first]
