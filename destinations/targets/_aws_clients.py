"""botocore's clients, which all destinations of a process share: one for each service and Region.

A client knows addresses, protocols and retries; with its connections it cost 1.8 MB and 100 ms for each destination.
Whose request it sends is no part of it: it holds no credentials. Who calls says whose key signs, by `calling`, and a
request is signed when botocore is about to send it. Without that nothing leaves.
"""

import os
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, NamedTuple

import botocore.exceptions
import orjson
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials
from botocore.httpsession import get_cert_path

from destinations.targets import _wire

SUCCESS = 200
# What a call may answer at most: reading back takes 10 MiB, what a request was answered with some 120 kB.
MAX_ANSWER_BYTES = 16 * 1024 * 1024
READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """What signs a request. Its repr shows nothing, so that a traceback with locals does not either."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


class Timeouts(NamedTuple):
    """Seconds of one attempt: to connect, and for each reading; it is over when both are."""

    connect: float
    read: float


@dataclass(slots=True, repr=False)
class Caller:
    """Whose call it is. `body` is sent in place of botocore's; `sent` is what left, with its headers before signing."""

    keys: Keys
    region: str
    timeouts: Timeouts
    body: bytes | None = None
    sent: list[tuple[str, Mapping[str, str], str]] = field(default_factory=list)


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """The calls inside are this caller's."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def prepare(client: Any) -> None:
    """Let a client without credentials sign and send for whoever calls."""
    events = client.meta.events
    events.register("before-call", _use_body)
    events.register("before-parse", _read_reply)
    events.register("before-send", partial(_send, client.meta.service_model.signing_name))


def signed(request: AWSRequest, keys: Keys, service: str, region: str) -> Mapping[str, str]:
    """The headers of a request with its signature; `service` is what it signs for, such as `logs`."""
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token or None)
    SigV4Auth(credentials, service, region).add_auth(request)
    return {name: text(value) for name, value in request.headers.items()}


def exchange(
    method: str, url: str, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
) -> tuple[urllib3.BaseHTTPResponse, bytes]:
    """One request and its answer. Raises urllib3's errors and TimeoutError."""
    with _wire.within(timeouts.connect + timeouts.read):
        response = _pools().request(
            method,
            url,
            body=body,
            headers=headers,
            timeout=urllib3.Timeout(connect=timeouts.connect, read=timeouts.read),
            redirect=False,
            preload_content=False,
        )
        try:
            answer = b"".join(_pieces(response))
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return response, answer


def _pieces(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    left = MAX_ANSWER_BYTES
    while piece := response.read(READ_BYTES):
        left -= len(piece)
        if left < 0:
            raise urllib3.exceptions.ProtocolError("The answer does not end.")
        yield piece


def _pools() -> urllib3.PoolManager:
    """Trusting what botocore trusts."""
    bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
    return _wire.shared_pools(bundle or _own_bundle())


@lru_cache(maxsize=1)
def _own_bundle() -> str:
    return str(get_cert_path(verify=True))


def is_direct() -> bool:
    """Whether requests leave without a proxy, which only botocore knows how to use."""
    return not urllib.request.getproxies()


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _use_body(params: dict[str, Any], **_: Any) -> None:
    if (caller := _caller.get()) is not None and caller.body is not None:
        params["body"] = caller.body


def _send(service: str, request: Any, **_: Any) -> AWSResponse | None:
    """Sign, and send over our connections; through a proxy botocore does."""
    caller = _caller.get()
    if caller is None:
        raise RuntimeError("Nobody says whose call this is.")
    plain = {name: text(value) for name, value in request.headers.items()}
    caller.sent.append((request.url, plain, service))
    headers = signed(
        AWSRequest(request.method, request.url, headers=plain, data=request.body), caller.keys, service, caller.region
    )
    if not is_direct():
        for name, value in headers.items():
            request.headers[name] = value
        return None
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    try:
        response, answer = exchange(request.method, request.url, headers, body, caller.timeouts)
    except (urllib3.exceptions.HTTPError, TimeoutError) as error:
        raise _as_botocore(error, request.url) from error
    headers_given: Any = response.headers
    return AWSResponse(request.url, response.status, headers_given, _Answer(answer))


class _Answer:
    """What botocore reads an answer from."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> list[bytes]:
        return [self._body]


def _as_botocore(error: Exception, url: str) -> Exception:
    """The error that botocore's own connections would raise, which decides whether it tries again."""
    known: list[tuple[type[Exception], Any]] = [
        (urllib3.exceptions.SSLError, botocore.exceptions.SSLError),
        (urllib3.exceptions.NewConnectionError, botocore.exceptions.EndpointConnectionError),
        (urllib3.exceptions.ConnectTimeoutError, botocore.exceptions.ConnectTimeoutError),
        (urllib3.exceptions.ReadTimeoutError, botocore.exceptions.ReadTimeoutError),
        (TimeoutError, botocore.exceptions.ReadTimeoutError),
    ]
    for kind, made in known:
        if isinstance(error, kind):
            return made(endpoint_url=url, error=error)  # type: ignore[no-any-return]
    return botocore.exceptions.ConnectionClosedError(endpoint_url=url, error=error)


def _read_reply(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Read a success as plain JSON: botocore's walk along its model costs as much as all the rest."""
    caller = _caller.get()
    if caller is None or caller.body is None or response_dict["status_code"] != SUCCESS:
        return
    try:
        answer = orjson.loads(response_dict["body"])
    except orjson.JSONDecodeError:
        return
    if isinstance(answer, dict):
        customized_response_dict.update(answer)
        response_dict["body"] = b"{}"
