"""What the navigation of every page shows of this room."""

from functools import cache
from typing import Any

from django.http import HttpRequest

from accounts.models import Account
from delivery.models import DeadLetter

# More than this is not counted: a page must not get slower with each letter.
MOST = 99


def dead_letters(request: HttpRequest) -> dict[str, Any]:
    """`dead_letter_count`: `12`, `99+`, or empty; a page without the navigation does not ask for it."""
    account = getattr(request, "account", None)
    return {"dead_letter_count": cache(lambda: _count_of(account)) if account else ""}


def _count_of(account: Account) -> str:
    """Of those that were not sent again, by the index that holds only these."""
    count = DeadLetter.objects.filter(account=account, replayed_as=None).order_by()[: MOST + 1].count()
    return f"{MOST}+" if count > MOST else str(count or "")
