"""Acting on rows of the administration."""

from django.test import Client
from django.urls import reverse

SECRET = "canary-0123456789abcdef01234567"


def act(staff: Client, model: type, action: str, *keys: object, **form: str) -> str:
    """Choose rows and an action, and confirm unless `form` says otherwise."""
    url = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")  # type: ignore[attr-defined]
    wanted = {"action": action, "_selected_action": keys, **(form or {"confirmed": "yes"})}
    response = staff.post(url, wanted, follow=True)
    return response.content.decode()
