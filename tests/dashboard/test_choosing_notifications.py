"""Who is told of trouble, and who chose not to be."""

from django.test import Client

from accounts.models import Account, Membership, OutgoingMail, Role, User
from dashboard.notifications import Wanted, notify, wants
from destinations.models import Destination
from tests.dashboard.mails import block
from tests.factories import make_member

PAGE = "/settings/notifications/"


def test_those_who_can_mend_it_are_told_until_they_choose(account: Account, owner: User, viewer: User) -> None:
    editor = make_member(account, "edda@acme.example", Role.EDITOR)

    told = [user for user in (owner, editor, viewer) if wants(Membership.objects.get(user=user), Wanted.BLOCKED)]

    assert told == [owner, editor]


def test_choices_are_kept_per_person_and_account(
    owner_client: Client, viewer_client: Client, destination: Destination
) -> None:
    owner_client.post(PAGE, {"wanted": ["healed"]})
    viewer_client.post(PAGE, {"wanted": ["blocked", "lagging"]})
    block(destination)

    notify()

    assert list(OutgoingMail.objects.values_list("to", flat=True)) == ["victor@acme.example"]
    assert 'value="healed" id="id_wanted_1" checked' in owner_client.get(PAGE).content.decode()


def test_nobody_outside_the_account_is_told(destination: Destination, stranger: User) -> None:
    block(destination)
    notify()

    assert not OutgoingMail.objects.filter(to=stranger.email).exists()


def test_who_is_switched_off_is_not_told(destination: Destination, owner: User) -> None:
    owner.is_active = False
    owner.save()
    block(destination)

    assert notify() == 0


def test_an_unknown_choice_is_refused(owner_client: Client, owner: User) -> None:
    assert owner_client.post(PAGE, {"wanted": ["everything"]}).status_code == 422
    assert Membership.objects.get(user=owner).notices == {}
