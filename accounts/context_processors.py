from typing import Any

from django.http import HttpRequest

from accounts.access import Action, role_may


def current_account(request: HttpRequest) -> dict[str, Any]:
    membership = getattr(request, "membership", None)
    return {
        "account": getattr(request, "account", None),
        "membership": membership,
        "memberships": getattr(request, "memberships", []),
        # `{% if may.manage_people %}`: what the person's role allows in this account.
        "may": {action.name.lower(): membership is not None and role_may(membership.role, action) for action in Action},
    }
