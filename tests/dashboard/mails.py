"""Trouble to tell of, and the mails that tell of it."""

from django.utils import timezone

from accounts.models import OutgoingMail
from destinations.models import Destination
from destinations.outcome import ConfigurationError


def subjects() -> list[str]:
    return list(OutgoingMail.objects.order_by("pk").values_list("subject", flat=True))


def block(destination: Destination) -> None:
    destination.refresh_from_db()
    error = ConfigurationError(
        "Datadog refused the API key.", code="403", said="Forbidden", remedy="Check the site first, then the key."
    )
    destination.block(error, timezone.now())
