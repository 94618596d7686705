"""What a view may rely on: the request of a signed-in person in an account."""

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

if TYPE_CHECKING:
    from accounts.models import Account, Membership, User


class AccountRequest(HttpRequest):
    """Set by accounts.middleware on every page: the person, the account they look at, their role in it."""

    user: "User"
    account: "Account"
    membership: "Membership"
    # Those of the person by the names of the accounts, one more than a list shows at most: accounts/middleware.py.
    memberships: "list[Membership]"
    htmx: HtmxDetails
