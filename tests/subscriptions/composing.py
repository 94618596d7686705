"""The form of the composer as a browser sends it."""

from typing import Any

from django.test import Client

from common.ids import new_id
from destinations.models import Destination
from tests.factories import AUDIT, HTTP, PORT_443

NEW = "/subscriptions/new/"
SLUG = "http_request_complete_v0"
HTMX = {"HX-Request": "true"}


def composed(place: Destination | None = None, **changes: Any) -> dict[str, Any]:
    """The form of a whole subscription, as a browser would post it."""
    data: dict[str, Any] = {
        "draft": new_id("dr"),
        "tab": "one",
        "version": "0",
        "description": "Checkout",
        "source": [HTTP, AUDIT],
        f"{SLUG}-mode": "cel",
        f"{SLUG}-text": PORT_443,
        f"{SLUG}-fields": ["conn.server_name", "conn.server_port"],
        "destination": [place.pk] if place else [],
        "act": "save",
    }
    return {**data, **changes}


def conditions(*rows: tuple[str, str, str, list[str]], **changes: Any) -> dict[str, Any]:
    """Rows of (place, field, operator, values) as the form names them."""
    data: dict[str, Any] = {f"{SLUG}-mode": "conditions", f"{SLUG}-row": [row[0] for row in rows]}
    for place, field, operator, values in rows:
        prefix = f"{SLUG}-{place.rpartition('/')[2]}"
        data |= {f"{prefix}-field": field, f"{prefix}-operator": operator, f"{prefix}-value": values}
    return {**data, **changes}


def html_of(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    return str(response.content.decode())


def drafted(client: Client, place: Destination) -> str:
    data = composed(place, act="check")
    client.post(NEW, data)
    return str(data["draft"])
