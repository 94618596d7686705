"""Local receivers that answer as Datadog's log intake and Azure's Logs Ingestion API do, and keep what they took.

They check what the real ones check of a request, so that a mistake is seen here first. Keys and secrets that begin
with "wrong" are refused with the real services' answers.
"""

import gzip
import json
import secrets
import time
import zlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from threading import Lock, Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from destinations.emulators.resources import WRONG

HOST = "127.0.0.1"
KEPT_RECORDS = 200_000
KEPT_BYTES = 128 * 1024 * 1024
MAX_REQUEST_BYTES = 8 * 1024 * 1024
MAX_LISTED = 10_000


class RefusedRequestError(Exception):
    """The answer is an error of the service: its status and body."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class Entry:
    where: str
    labels: Mapping[str, str]
    at_ms: int
    data: bytes


class Store:
    """The newest entries; the oldest go when there are too many or they are too large."""

    def __init__(self, max_records: int = KEPT_RECORDS, max_bytes: int = KEPT_BYTES) -> None:
        self.total = 0
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._max_records, self._max_bytes = max_records, max_bytes
        self._lock = Lock()

    def add(self, where: str, labels: Mapping[str, str], items: list[bytes]) -> None:
        now_ms = int(time.time() * 1000)
        with self._lock:
            self.total += len(items)
            self._entries.extend(Entry(where, labels, now_ms, data) for data in items)
            self._bytes += sum(map(len, items))
            while len(self._entries) > self._max_records or self._bytes > self._max_bytes:
                self._bytes -= len(self._entries.popleft().data)

    def newest(self, limit: int, labels: Mapping[str, str]) -> list[Entry]:
        with self._lock:
            fitting = (entry for entry in reversed(self._entries) if labels.items() <= entry.labels.items())
            return list(islice(fitting, limit))


class Receiver(BaseHTTPRequestHandler):
    """One request; a subclass routes it by raising RefusedRequestError or returning status and body."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    timeout = 60
    store: Store

    def do_GET(self) -> None:
        self._answer_with(self._get)

    def do_POST(self) -> None:
        self._answer_with(self._post)

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        raise NotImplementedError

    def _get(self) -> tuple[int, bytes]:
        path, query = self._target()
        if path == "/received":
            return HTTPStatus.OK, self._received(query)
        return self.answer("GET", path, query, b"")

    def _post(self) -> tuple[int, bytes]:
        path, query = self._target()
        size = int(self.headers.get("Content-Length") or 0)
        if size > MAX_REQUEST_BYTES:
            self.close_connection = True
            raise RefusedRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {})
        return self.answer("POST", path, query, self._decompressed(self.rfile.read(size)))

    def _decompressed(self, body: bytes) -> bytes:
        if self.headers.get("Content-Encoding", "").lower() != "gzip":
            return body
        try:
            whole = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(body, MAX_REQUEST_BYTES)
        except (zlib.error, gzip.BadGzipFile) as error:
            raise RefusedRequestError(HTTPStatus.BAD_REQUEST, {"errors": ["The body is not gzip."]}) from error
        return whole

    def _target(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, {name: values[-1] for name, values in parse_qs(parts.query).items()}

    def _received(self, query: dict[str, str]) -> bytes:
        limit = min(int(query.pop("limit", "100")), MAX_LISTED)
        records = b",".join(
            b'{"where":%b,"at_ms":%d,"data":%b}' % (json.dumps(entry.where).encode(), entry.at_ms, entry.data)
            for entry in self.store.newest(limit, query)
        )
        return b'{"total":%d,"records":[%b]}' % (self.store.total, records)

    def _answer_with(self, handle: Any) -> None:
        try:
            status, body = handle()
        except RefusedRequestError as refusal:
            status, body = refusal.status, json.dumps(refusal.body).encode()
        self.send_response(status)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.send_header("x-ms-request-id", secrets.token_hex(16))
        self.end_headers()
        if status != HTTPStatus.NO_CONTENT:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the dashboard shows what arrived."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, receiver: type[Receiver]) -> None:
        self.store = Store()
        bound = type(receiver.__name__, (receiver,), {"store": self.store})
        super().__init__((HOST, port), bound)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}"

    def start(self) -> None:
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _DatadogEntry(msgspec.Struct):
    message: str
    service: str = ""


class DatadogReceiver(Receiver):
    """GET /api/v1/validate and POST /api/v2/logs."""

    MAX_BYTES: ClassVar[int] = 5_000_000
    MAX_ENTRIES: ClassVar[int] = 1000

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        key = self.headers.get("DD-API-KEY", "")
        if (method, path) == ("GET", "/api/v1/validate"):
            if not key or key.startswith(WRONG):
                raise RefusedRequestError(HTTPStatus.FORBIDDEN, {"errors": ["Forbidden"]})
            return HTTPStatus.OK, b'{"valid":true}'
        if (method, path) != ("POST", "/api/v2/logs"):
            raise RefusedRequestError(HTTPStatus.NOT_FOUND, {"errors": ["Not found"]})
        if not key:
            raise _datadog_error(HTTPStatus.UNAUTHORIZED, "Missing API key")
        if key.startswith(WRONG):
            raise _datadog_error(HTTPStatus.FORBIDDEN, "API key is invalid")
        self._take(body)
        return HTTPStatus.ACCEPTED, b"{}"

    def _take(self, body: bytes) -> None:
        if not self.headers.get("Content-Type", "").startswith("application/json"):
            raise _datadog_error(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json")
        if len(body) > self.MAX_BYTES:
            raise _datadog_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Payload is too big")
        try:
            items = msgspec.json.decode(body, type=list[msgspec.Raw])
            entries = msgspec.json.decode(body, type=list[_DatadogEntry])
        except msgspec.MsgspecError as error:
            raise _datadog_error(HTTPStatus.BAD_REQUEST, f"Invalid JSON payload: {error}") from error
        if len(items) > self.MAX_ENTRIES:
            raise _datadog_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too many entries")
        for item, entry in zip(items, entries, strict=True):
            where = f"Datadog, service {entry.service}"
            self.store.add(where, {"service": entry.service}, [bytes(item)])


def _datadog_error(status: HTTPStatus, detail: str) -> RefusedRequestError:
    return RefusedRequestError(
        status, {"errors": [{"status": str(status.value), "title": status.phrase, "detail": detail}]}
    )
