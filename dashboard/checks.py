"""System checks: how the product is run."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def generated_keys_are_for_one_machine(**_: Any) -> list[CheckMessage]:
    if settings.EMBEDDED or not settings.DEMO:
        return []
    return [Error("DEMO is set beside DATABASE_URL: deliveries would go to emulators.", id="dashboard.E001")]
