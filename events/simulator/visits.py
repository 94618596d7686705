"""Visits: a client opens a connection to a host, sends requests, and the connection closes.

A visit counts its bytes and keeps its clock, so that its events agree with each other.
"""

from http import HTTPStatus
from typing import Any

from events.simulator import world
from events.simulator.drawing import Draw, pick, pick_ranked, scatter, timestamp
from events.simulator.guards import Verdict, judge
from events.simulator.population import Client, Host, population
from events.simulator.requests import Connection, exchange, own_copy

HTTP = "http_request_complete.v0"
TCP = "tcp_connection_closed.v0"

RAW = "raw"
# Medians.
FIRST_ANSWER_MS = 90
NEXT_ANSWER_MS = 140
IDLE_MS = 900
RAW_TCP_MS = 20_000
RAW_BYTES_IN = 6_000
RAW_BYTES_OUT = 48_000
TLS_BYTES_IN = 720
TLS_BYTES_OUT = 4_300
SKIPPED_BYTES_IN = 480
SKIPPED_BYTES_OUT = 9_000


class Visit:
    """`due` is the time of the next event in ms since 1970; `events_left` counts the requests and the close."""

    __slots__ = ("_bytes_in", "_bytes_out", "_connection", "_draw", "due", "events_left")

    def __init__(self, draw: Draw, opened: int) -> None:
        known = population()
        client = pick_ranked(draw, known.clients)
        host = pick(draw, known.hosts[client.profile.kind])
        self._draw = draw
        self._connection = _connect(draw, client, host, opened)
        is_refused = self._connection.verdict.refusal is not None
        self._bytes_in, self._bytes_out = _first_bytes(draw, host, self._connection, is_refused=is_refused)
        if host.site == RAW:
            self.events_left = 1
        else:
            self.events_left = 2 if is_refused else 1 + pick(draw, world.REQUESTS[client.profile.kind])
        wait = RAW_TCP_MS if host.site == RAW and not is_refused else FIRST_ANSWER_MS
        # A time of its own after `opened`: no connection ends in the millisecond in which it began.
        self.due = opened + 1 + scatter(draw, wait)

    def next_event(self) -> dict[str, Any]:
        """The event that is due; moves on to the next one."""
        if self.events_left > 1:
            kind, value = HTTP, self._request()
        else:
            kind, value = TCP, self._close()
        event = {"event_type": kind, "event_timestamp": timestamp(self.due), "principal": None, "object": value}
        self._move_on()
        return event

    def skip_event(self) -> None:
        """The same without the cost of making the event; its bytes are an average request's."""
        self._bytes_in += SKIPPED_BYTES_IN
        self._bytes_out += scatter(self._draw, SKIPPED_BYTES_OUT)
        self._move_on()

    def _move_on(self) -> None:
        self.events_left -= 1
        if self.events_left:
            self.due += scatter(self._draw, NEXT_ANSWER_MS if self.events_left > 1 else IDLE_MS)

    def _request(self) -> dict[str, Any]:
        value, bytes_in, bytes_out = exchange(self._draw, self._connection)
        self._bytes_in += bytes_in
        self._bytes_out += bytes_out
        return value

    def _close(self) -> dict[str, Any]:
        connection = self._connection
        value: dict[str, Any] = {
            "conn": {
                **connection.conn,
                "bytes_in": self._bytes_in,
                "bytes_out": self._bytes_out,
                "end_ts": timestamp(self.due),
            }
        }
        for key in ("ip_policy", "ja4_fingerprint"):
            if key in connection.shared:
                value[key] = own_copy(connection.shared[key])
        if "logs" in connection.host.guards and self._draw() < world.SHARE_LOGGED:
            value["traffic_policy"] = {"logs": [{**pick(self._draw, world.LOG_ENTRIES)}]}
        return value


def _first_bytes(draw: Draw, host: Host, connection: Connection, *, is_refused: bool) -> tuple[int, int]:
    """What flows in both directions besides requests and responses."""
    if host.site == RAW:
        return (0, 0) if is_refused else (scatter(draw, RAW_BYTES_IN), scatter(draw, RAW_BYTES_OUT))
    return (0, 0) if connection.is_plain else (TLS_BYTES_IN, TLS_BYTES_OUT)


def _connect(draw: Draw, client: Client, host: Host, opened: int) -> Connection:
    is_plain = host.port == world.HTTPS_PORT and draw() < world.SHARE_PLAIN_HTTP
    # On the plain port the edge does nothing but lead to https.
    verdict = Verdict({}, HTTPStatus.PERMANENT_REDIRECT.value) if is_plain else judge(draw, client, host)
    conn = {
        "client_ip": client.ip,
        "server_ip": pick(draw, world.EDGES_IPV6 if client.is_ipv6 else world.EDGES_IPV4),
        "server_name": host.name,
        "server_port": world.HTTP_PORT if is_plain else host.port,
        "start_ts": timestamp(opened),
    }
    shared: dict[str, Any] = {**verdict.fields}
    if not is_plain and host.site != RAW:
        shared["ja4_fingerprint"] = client.profile.ja4
        shared["tls"] = {**client.tls}
        if "client_cert" in host.guards:
            subject = {"cn": f"terminal-{client.subject_id[:4]}.devices.acme.dev"}
            shared["tls"]["client_cert"] = {"serial_number": client.serial_number, "subject": subject}
    return Connection(client, host, is_plain, conn, shared, verdict)
