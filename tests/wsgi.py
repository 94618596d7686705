"""A publishing request to a WSGI application, below Django's test client."""

import io
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.util import setup_testing_defaults

Application = Callable[..., Iterable[bytes]]


def post_events(
    application: Application, body: bytes, token: str, **environ: Any
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers and content of the answer; `environ` replaces parts of a plain request."""
    request = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/events",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "testserver",
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.input": io.BytesIO(body),
        **environ,
    }
    setup_testing_defaults(request)
    heads: list[tuple[str, list[tuple[str, str]]]] = []
    content = b"".join(application(request, lambda status, headers: heads.append((status, headers))))
    return *heads[0], content
