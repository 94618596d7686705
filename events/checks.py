"""System checks: the catalogue."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

from events.catalog.validation import problems


@register()
def check_catalog(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    return [Error(f"Event catalogue: {problem}", id="events.E001") for problem in problems()]
