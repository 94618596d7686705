"""From where a change came: kept for the length of a request, so that every audit entry can name it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from allauth.core.internal.httpkit import get_client_ip
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

USER_AGENT_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Origin:
    """`ip` is None where there is no request (command line, workers), or its address is not to be had."""

    ip: str | None = None
    user_agent: str = ""


NOWHERE = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


def current_origin() -> Origin:
    return _current.get()


@contextmanager
def origin_of(request: HttpRequest) -> Iterator[None]:
    token = _current.set(Origin(client_ip(request), request.headers.get("User-Agent", "")[:USER_AGENT_LENGTH]))
    try:
        yield
    finally:
        _current.reset(token)


def client_ip(request: HttpRequest) -> str | None:
    """The address of whoever sent the request, as far as TRUSTED_PROXIES lets us believe it."""
    try:
        ip: str | None = get_client_ip(request)
    except ImproperlyConfigured:
        # TRUSTED_PROXIES names more proxies than this request came through, as one from the host itself does.
        ip = request.META.get("REMOTE_ADDR")
    return ip or None
