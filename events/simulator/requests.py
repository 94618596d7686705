"""One HTTP exchange on a connection: what was asked, what was answered, and how many bytes that took."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

from events.simulator import world
from events.simulator.drawing import Draw, pick, scatter
from events.simulator.guards import Verdict
from events.simulator.population import Client, Host, routes, statuses
from events.simulator.world import Route

# Besides the path and the values that differ, an HTTP head has about so many bytes.
REQUEST_HEAD_BYTES = 420
RESPONSE_HEAD_BYTES = 310
ERROR_BYTES = 240
GZIP_FROM_BYTES = 1_000
GZIP_RATIO = 0.27
EMPTY = frozenset({204, 304})
SUCCESSES = frozenset({200, 201})


@dataclass(frozen=True, slots=True)
class Connection:
    """What stays the same during a visit; `shared` are the parts of the event that every request repeats."""

    client: Client
    host: Host
    is_plain: bool
    conn: Mapping[str, Any]
    shared: Mapping[str, Any]
    verdict: Verdict


class Exchange(NamedTuple):
    object: dict[str, Any]
    bytes_in: int
    bytes_out: int


class Answer(NamedTuple):
    status: int
    body_length: int
    bytes_saved: int


def exchange(draw: Draw, connection: Connection) -> Exchange:
    kind = connection.client.profile.kind
    route = pick(draw, routes()["scan" if kind == "scanner" else connection.host.site])
    path = route.path.replace("{id}", str(int(draw() * route.ids))) if route.ids else route.path
    asked = scatter(draw, route.request_bytes) if route.request_bytes else 0
    url = _url(connection, path, pick(draw, route.queries))
    answer = _answer(draw, connection, route)
    value: dict[str, Any] = {
        "conn": {**connection.conn},
        "http": {
            "request": {
                "body_length": asked,
                "headers": _request_headers(connection, route, asked),
                "method": route.method,
                "url": url,
                "user_agent": connection.client.profile.user_agent,
            },
            "response": {
                "body_length": answer.body_length,
                "headers": _response_headers(route, answer, url),
                "status_code": answer.status,
            },
        },
        **own_copy(connection.shared),
    }
    _add_optional(draw, value, connection, answer)
    raw_length = len(url["raw"])
    return Exchange(value, asked + REQUEST_HEAD_BYTES + raw_length, answer.body_length + RESPONSE_HEAD_BYTES)


def own_copy(value: Any) -> Any:
    """Dicts and lists anew, so that changing one event leaves its neighbours alone; copy.deepcopy takes far longer."""
    if isinstance(value, dict):
        return {key: own_copy(item) for key, item in value.items()}
    return [*value] if isinstance(value, list) else value


def _url(connection: Connection, path: str, query: str) -> dict[str, str]:
    host = connection.host
    scheme = "http" if connection.is_plain else "https"
    port = "" if connection.is_plain or host.port == world.HTTPS_PORT else f":{host.port}"
    raw = f"{scheme}://{host.name}{port}{path}?{query}" if query else f"{scheme}://{host.name}{port}{path}"
    return {"host": host.name, "path": path, "query": query, "raw": raw, "scheme": scheme}


def _answer(draw: Draw, connection: Connection, route: Route) -> Answer:
    if connection.verdict.refusal is not None:
        return Answer(connection.verdict.refusal, ERROR_BYTES, 0)
    status = pick(draw, statuses()[route.statuses])
    if status in EMPTY or route.method == "head":
        return Answer(status, 0, 0)
    if status not in SUCCESSES:
        return Answer(status, scatter(draw, ERROR_BYTES), 0)
    size = scatter(draw, route.response_bytes)
    if size < GZIP_FROM_BYTES or not _can_gzip(connection, route):
        return Answer(status, size, 0)
    sent = int(size * GZIP_RATIO)
    return Answer(status, sent, size - sent)


def _can_gzip(connection: Connection, route: Route) -> bool:
    return (
        "compression" in connection.host.guards
        and not route.media.startswith("image/")
        and "gzip" in connection.client.profile.encodings
    )


def _request_headers(connection: Connection, route: Route, body_length: int) -> dict[str, list[str]]:
    headers = {"Host": [connection.host.name], **own_copy(connection.client.headers)}
    if body_length:
        headers["Content-Length"] = [str(body_length)]
        headers["Content-Type"] = ["application/json"]
    return headers


def _response_headers(route: Route, answer: Answer, url: Mapping[str, str]) -> dict[str, list[str]]:
    status = answer.status
    if status in EMPTY:
        return {"Cache-Control": ["max-age=600"]}
    headers = {"Content-Length": [str(answer.body_length)], "Content-Type": [route.media]}
    if answer.bytes_saved:
        headers["Content-Encoding"] = ["gzip"]
        headers["Vary"] = ["accept-encoding"]
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        headers["Location"] = [f"https://{url['host']}{url['path']}".lower()]
    elif status == HTTPStatus.UNAUTHORIZED:
        headers["Www-Authenticate"] = ["basic"]
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = ["30"]
    return headers


def _add_optional(draw: Draw, value: dict[str, Any], connection: Connection, answer: Answer) -> None:
    guards = connection.host.guards
    # A refused request never reached the customer's service.
    if connection.verdict.refusal is None:
        value["backend"] = {"connection_reused": draw() < world.SHARE_REUSED_BACKEND}
        if "compression" in guards:
            value["compression"] = {
                "algorithm": "gzip" if answer.bytes_saved else "none",
                "bytes_saved": answer.bytes_saved,
            }
    if "logs" in guards and draw() < world.SHARE_LOGGED:
        value["traffic_policy"] = {"logs": [{**pick(draw, world.LOG_ENTRIES)}]}
