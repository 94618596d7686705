"""What the tests of pages send and read."""

from typing import Any

HTMX = {"HX-Request": "true"}
DATADOG = {
    "description": "Datadog EU",
    "target-site": "datadoghq.eu",
    "target-api_key": "0123456789abcdef0123456789abcdef",
    "target-service": "edge",
    "target-ddtags": "",
}


def text(response: Any) -> str:
    return str(response.content.decode())
