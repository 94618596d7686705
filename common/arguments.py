"""Reading what is given to management commands."""

from datetime import datetime

from django.core.management.base import CommandError
from django.utils.dateparse import parse_datetime


def read_time(value: str | None, option: str) -> datetime | None:
    """Raises CommandError, which names the option."""
    if value is None:
        return None
    time = parse_datetime(value)
    if time is None or time.tzinfo is None:
        raise CommandError(f"{option} {value!r} is not an RFC 3339 time with its zone, such as 2026-11-23T08:00:00Z.")
    return time
