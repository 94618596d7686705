"""Sending an event by the quick way, with something in the place of Django behind it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.factories import make_event
from tests.wsgi import Application, post_events

EVENT = json.dumps(make_event()).encode()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]


def send(application: Application, body: bytes = EVENT, token: str = "", **environ: Any) -> Answer:
    status, headers, content = post_events(application, body, token, **environ)
    return Answer(int(status.split()[0]), dict(headers), json.loads(content or b"{}"))


@dataclass
class LongWay:
    """Stands for Django: remembers the bodies of what is handed on."""

    bodies: list[bytes]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.bodies.append(environ["wsgi.input"].read())
        start_response("418 Handed on", [])
        return []
