"""Reading an API request: its credential, its version, its query string and its body."""

import base64
import re
import zlib
from collections.abc import Collection
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError

from common.api import APIError, refuse
from common.api_documents import YAML_TYPES, load_yaml
from common.ids import SHAPE

API_PREFIX = "/api/"
JSON_TYPES = {"application/json"}
NDJSON_TYPES = {"application/x-ndjson", "application/ndjson", "application/jsonl"}
VERSION = "2"
# A configuration is small; a publish request has its own limit.
MAX_CONFIGURATION_BYTES = 256 * 1024
YAML_PATHS = ("/api/event_configuration/", "/event_configuration/")
METHODS_WITH_BODY = {"POST", "PATCH", "PUT"}
BROKEN_ESCAPE = re.compile(rb"%(?![0-9a-fA-F]{2})")


def is_api(request: HttpRequest) -> bool:
    """Whether the API answers it, whatever there is at the path."""
    return request.path.startswith(API_PREFIX) or is_api_host(request)


def is_api_host(request: HttpRequest) -> bool:
    """At the API's own host, where it is mounted at the root. The host is checked against ALLOWED_HOSTS later on."""
    return is_api_host_name(str(request.META.get("HTTP_HOST", "")))


def is_api_host_name(host: str) -> bool:
    return bool(settings.API_HOST) and host.partition(":")[0].lower() == settings.API_HOST


def bearer_token(request: HttpRequest) -> str:
    """The token of the Authorization header; raises APIError when there is none of the right shape."""
    return token_in(request.META.get("HTTP_AUTHORIZATION", ""))


def token_in(header: str) -> str:
    if not header:
        raise _unauthorized(200, "Send your API key in the header Authorization: Bearer KEY.")
    scheme, _, token = header.partition(" ")
    if scheme.lower() not in {"bearer", "basic"}:
        raise _unauthorized(201, f"The scheme {scheme[:40]!r} is not known here. Use Bearer.")
    token = token.strip()
    if scheme.lower() == "basic":
        token = _basic_token(token)
    if token.startswith("ak_") and SHAPE.match(token):
        message = f"{token!r} is the ID of an API key. Send the token that was shown at its creation."
        raise _unauthorized(208, message)
    first, _, second = token.partition("_")
    if not (token.isascii() and first.isalnum() and second.isalnum()):
        raise _unauthorized(
            202,
            "The credential does not look like an API key: two parts joined by an underscore. Copy the whole token.",
        )
    return token


def _basic_token(text: str) -> str:
    """The API key as user name or as password, whichever is given."""
    try:
        user, _, password = base64.b64decode(text, validate=True).decode("ascii").partition(":")
    except ValueError:
        raise _unauthorized(202, "The Basic credential is not base64. Use Authorization: Bearer KEY.") from None
    return password or user


def _unauthorized(code: int, message: str) -> APIError:
    return APIError(code, HTTPStatus.UNAUTHORIZED, message, headers={"WWW-Authenticate": "Bearer"})


def check_request(request: HttpRequest) -> None:
    """What every operation asks of a request before it reads its parameters; config/api.py sets `api_query`."""
    check_version(request)
    check_query(request, getattr(request, "api_query", ()))
    check_no_body(request)


def check_version(request: HttpRequest) -> None:
    version = request.headers.get("Ngrok-Version")
    if version is None:
        raise refuse(218, f"The header Ngrok-Version is missing. Send Ngrok-Version: {VERSION}.")
    if version.strip() != VERSION:
        raise refuse(217, f"Ngrok-Version {version[:40]!r} is not supported. Send Ngrok-Version: {VERSION}.")


def check_query(request: HttpRequest, known: Collection[str]) -> None:
    """Refuse what is malformed, unknown or given twice, before a typo selects everything."""
    raw = request.META.get("QUERY_STRING", "").encode("latin-1", "replace")
    if BROKEN_ESCAPE.search(raw):
        raise refuse(230, "The query string has a % without two hexadecimal digits after it. Escape it as %25.")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise refuse(230, "The query string is not UTF-8 with %-escapes. Encode it again.") from None
    seen: set[str] = set()
    for name, value in pairs:
        if name not in known:
            listed = f"Known here: {', '.join(sorted(known))}." if known else "There are none here."
            raise refuse(231, f"There is no query parameter {name[:40]!r}. {listed}")
        if name in seen:
            raise refuse(232, f"The query parameter {name!r} is there more than once. Give it once.")
        if "\0" in value:
            raise refuse(230, f"The query parameter {name!r} holds U+0000. Leave it out.")
        seen.add(name)


def check_no_body(request: HttpRequest) -> None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if request.method not in METHODS_WITH_BODY and length.isdecimal() and int(length):
        raise refuse(211, f"{request.method} takes no body. Leave it out.")


def read_json(request: HttpRequest) -> dict[str, Any]:
    """The body's object; an empty body is an empty object. Raises APIError."""
    if not request.META.get("CONTENT_LENGTH") and not request.headers.get("Transfer-Encoding"):
        return {}
    takes_yaml = request.path.startswith(YAML_PATHS)
    body = read_body(
        request, max_bytes=MAX_CONFIGURATION_BYTES, types=JSON_TYPES | (YAML_TYPES if takes_yaml else set())
    )
    if not body.strip():
        return {}
    value = load_yaml(body) if request.content_type in YAML_TYPES else _load_json(body)
    if not isinstance(value, dict):
        raise refuse(213, f"The body is a JSON {_kind(value)}; send an object.")
    if _holds_nul(value):
        raise refuse(215, "A text in the body holds U+0000, which cannot be kept. Leave it out.")
    return value


def _load_json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise refuse(213, f"The body is not JSON: {error}. Mend it there.") from None


def _kind(value: object) -> str:
    names = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in name or _holds_nul(item) for name, item in value.items())
    return isinstance(value, list) and any(_holds_nul(item) for item in value)


def read_body(
    request: HttpRequest, *, max_bytes: int, types: Collection[str] = frozenset(JSON_TYPES | NDJSON_TYPES)
) -> bytes:
    """The body, decompressed; raises APIError for a wrong type or encoding, or more than `max_bytes`."""
    body = _whole_body(request, max_bytes)
    if body or request.content_type:
        _check_content_type(request.content_type or "", types)
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding == "gzip":
        body = _gunzip(body, max_bytes)
    elif encoding not in {"identity", ""}:
        raise APIError(
            210,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Encoding {encoding[:40]!r} is not known here. Use gzip or none.",
        )
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    return body


def _whole_body(request: HttpRequest, max_bytes: int) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if request.headers.get("Transfer-Encoding"):
        # Of a chunked body nobody could tell whether it ended early.
        raise refuse(212, "The body came in chunks. Send it whole, with a Content-Length.")
    if not length.isdecimal():
        raise refuse(212, f"Content-Length {length[:40]!r} is not a number of bytes. Mend it.")
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise _too_large(max_bytes) from error
    except UnreadablePostError as error:
        raise refuse(212, "The body ended early. Send the request again.") from error
    # The server tells nothing of a connection that ended; half of NDJSON is good NDJSON.
    if len(body) < int(length):
        raise refuse(212, f"The body ended after {len(body):,} of {int(length):,} bytes. Send the request again.")
    return body


def _check_content_type(content_type: str, types: Collection[str]) -> None:
    if not content_type:
        raise refuse(216, "The Content-Type header is missing. Send application/json.")
    if content_type.lower() not in types:
        use = " or ".join(sorted(set(types) & {"application/json", "application/x-ndjson", "application/yaml"}))
        raise APIError(
            210,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Type {content_type[:80]!r} is not known here. Use {use}.",
        )


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    # Bounded, so that a small request cannot unpack into all the memory there is.
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        data = reader.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise refuse(213, f"The body is not gzip: {error}.") from error
    if len(data) > max_bytes:
        raise _too_large(max_bytes)
    if not reader.eof:
        raise refuse(213, "The gzip body ends early. Send it again.")
    return data


def _too_large(max_bytes: int) -> APIError:
    return APIError(
        212,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The body is larger than {max_bytes:,} bytes, uncompressed. Send less at once.",
    )
