"""Ready choices of fields, by the paths of http_request_complete; a type takes those of them that it has."""

from collections.abc import Callable, Mapping

from events.catalog import EventType

ACCESS_LOG = frozenset(
    {
        "conn.client_ip",
        "conn.server_name",
        "conn.server_port",
        "http.request.method",
        "http.request.url.host",
        "http.request.url.path",
        "http.request.url.query",
        "http.request.user_agent",
        "http.request.body_length",
        "http.response.status_code",
        "http.response.body_length",
        "tls.version",
    }
)
SECURITY_PATHS = frozenset(
    {
        "conn.client_ip",
        "conn.server_name",
        "oauth.user.id",
        "basic_auth.username",
    }
)


def _is_about_security(path: str) -> bool:
    is_decision = path.endswith((".decision", "ja4_fingerprint"))
    return is_decision or path in SECURITY_PATHS or path.startswith("tls.")


PRESETS: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "all": ("All", lambda _: True),
    "access_log": ("Access log", lambda path: path in ACCESS_LOG),
    "security": ("Security", _is_about_security),
    "none": ("None", lambda _: False),
}


def preset_fields(event_type: EventType, preset: str) -> list[str]:
    """In the catalogue's order; raises KeyError for a preset that there is not."""
    _, takes = PRESETS[preset]
    return [field.path for field in event_type.fields if takes(field.path)]
