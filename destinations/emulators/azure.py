"""The local stand-in for Azure: the token endpoint of Entra ID and the Logs Ingestion API."""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from http import HTTPStatus
from threading import Lock
from typing import ClassVar
from urllib.parse import parse_qs

import msgspec

from destinations.emulators.receivers import Receiver, RefusedRequestError
from destinations.emulators.resources import WRONG

TOKEN_SECONDS = 3599
TOKEN_PATH = ["oauth2", "v2.0", "token"]
API_VERSION = "2023-01-01"
UNKNOWN_RULE = "dcr-" + "0" * 32

_tokens: dict[str, float] = {}
_tokens_lock = Lock()


class AzureReceiver(Receiver):
    """POST /TENANT/oauth2/v2.0/token and POST /dataCollectionRules/RULE/streams/STREAM."""

    MAX_BYTES: ClassVar[int] = 1024 * 1024

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        parts = path.strip("/").split("/")
        if method == "POST" and parts[1:] == TOKEN_PATH:
            return HTTPStatus.OK, _token(parse_qs(body.decode("ascii", "replace")))
        match parts:
            case ["dataCollectionRules", rule, "streams", stream] if method == "POST":
                self._check(rule, stream, query)
                self._take(rule, stream, body)
                return HTTPStatus.NO_CONTENT, b""
        raise _error(HTTPStatus.NOT_FOUND, "NotFound", f"There is nothing at {path}.")

    def _check(self, rule: str, stream: str, query: Mapping[str, str]) -> None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        with _tokens_lock:
            is_known = scheme == "Bearer" and _tokens.get(token, 0) > time.time()
        if not is_known:
            raise _error(HTTPStatus.UNAUTHORIZED, "InvalidToken", "The authentication token provided is invalid.")
        if query.get("api-version") != API_VERSION:
            raise _error(HTTPStatus.BAD_REQUEST, "InvalidApiVersion", "The api-version query parameter is invalid.")
        if rule == UNKNOWN_RULE:
            message = f"Data collection rule with immutable Id '{rule}' not found."
            raise _error(HTTPStatus.NOT_FOUND, "NotFound", message)
        if not stream.startswith(("Custom-", "Microsoft-")):
            message = f"The stream {stream} was not configured in the data collection rule."
            raise _error(HTTPStatus.BAD_REQUEST, "InvalidStream", message)

    def _take(self, rule: str, stream: str, body: bytes) -> None:
        if len(body) > self.MAX_BYTES:
            message = f"Maximum allowed content length: {self.MAX_BYTES} bytes. Provided: {len(body)} bytes."
            raise _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "ContentLengthLimitExceeded", message)
        try:
            items = msgspec.json.decode(body, type=list[msgspec.Raw])
            msgspec.json.decode(body, type=list[dict[str, msgspec.Raw]])
        except msgspec.MsgspecError as error:
            raise _error(
                HTTPStatus.BAD_REQUEST, "InvalidPayload", f"The body is not an array of objects: {error}"
            ) from error
        self.store.add(f"{rule}, {stream}", {"rule": rule, "stream": stream}, [bytes(item) for item in items])


def _token(form: Mapping[str, list[str]]) -> bytes:
    given = {name: values[-1] for name, values in form.items()}
    if given.get("grant_type") != "client_credentials" or not given.get("scope", "").endswith("/.default"):
        raise _entra_error(HTTPStatus.BAD_REQUEST, "invalid_request", 900144, "The request body is incomplete.")
    client_id, secret = given.get("client_id", ""), given.get("client_secret", "")
    if client_id.startswith(WRONG):
        message = f"Application with identifier '{client_id}' was not found in the directory."
        raise _entra_error(HTTPStatus.BAD_REQUEST, "unauthorized_client", 700016, message)
    if not secret or secret.startswith(WRONG):
        message = (
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            f"not the client secret ID, for a secret added to app '{client_id}'."
        )
        raise _entra_error(HTTPStatus.UNAUTHORIZED, "invalid_client", 7000215, message)
    token = base64.urlsafe_b64encode(secrets.token_bytes(48)).decode()
    now = time.time()
    with _tokens_lock:
        for old in [known for known, expires in _tokens.items() if expires < now]:
            del _tokens[old]
        _tokens[token] = now + TOKEN_SECONDS
    answer = {"token_type": "Bearer", "expires_in": TOKEN_SECONDS, "ext_expires_in": TOKEN_SECONDS}
    return json.dumps(answer | {"access_token": token}).encode()


def _error(status: HTTPStatus, code: str, message: str) -> RefusedRequestError:
    return RefusedRequestError(status, {"error": {"code": code, "message": message}})


def _entra_error(status: HTTPStatus, error: str, number: int, message: str) -> RefusedRequestError:
    trace, correlation = secrets.token_hex(16), secrets.token_hex(16)
    description = f"AADSTS{number}: {message} Trace ID: {trace} Correlation ID: {correlation}"
    body = {"error": error, "error_description": description, "error_codes": [number]}
    return RefusedRequestError(status, body | {"trace_id": trace, "correlation_id": correlation})
