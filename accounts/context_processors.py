from typing import Any

from django.http import HttpRequest

from accounts.access import Action, role_may
from common.choice import FEW


def current_account(request: HttpRequest) -> dict[str, Any]:
    membership = getattr(request, "membership", None)
    memberships = getattr(request, "memberships", [])
    return {
        "account": getattr(request, "account", None),
        "membership": membership,
        "memberships": memberships,
        # Then the menu has a search in place of all of them: accounts/middleware.py.
        "has_many_accounts": len(memberships) > FEW,
        # `{% if may.manage_people %}`: what the person's role allows in this account.
        "may": {action.name.lower(): membership is not None and role_may(membership.role, action) for action in Action},
    }
