"""A destination as the API shows it, and as the audit trail does."""

from typing import Any

from django.conf import settings

from common.api_schemas import shown_time
from destinations.models import Destination
from destinations.targets import all_targets


def destination_uri(destination_id: str) -> str:
    return f"{settings.API_URL}/event_destinations/{destination_id}"


def destination_resource(destination: Destination) -> dict[str, Any]:
    """All keys present; of the targets all but one null; secrets always empty."""
    return {
        "id": destination.pk,
        "metadata": destination.metadata,
        "created_at": shown_time(destination.created_at),
        "description": destination.description,
        "format": destination.format,
        "refuses_too_old": destination.refuses_too_old,
        "target": {
            slug: target.resource(destination.config) if slug == destination.target else None
            for slug, target in sorted(all_targets().items())
        },
        "uri": destination_uri(destination.pk),
    }


def recorded_destination(destination: Destination) -> dict[str, Any]:
    """As the audit trail shows it: with what the contract's schema lacks."""
    ends = destination.credentials_expire_on
    return {
        **destination_resource(destination),
        "state": destination.state,
        "credentials_expire_on": ends.isoformat() if ends else None,
    }
