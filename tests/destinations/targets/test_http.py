"""Answers of a destination are read within bounds, whatever it does."""

import socket
import time
from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from destinations.outcome import RetryableError
from destinations.targets import _http, _wire
from tests.destinations.targets.trickling import trickling


def ask(server: HTTPServer, seconds: float) -> _http.Reply:
    return _http.request(
        _wire.SharedPools(), "POST", server.url_for("/"), label="The target", headers={}, body=b"x", seconds=seconds
    )


def test_a_whole_answer_is_read_and_its_connection_used_again(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("fine", status=202)
    pool = _wire.SharedPools()

    replies = [
        _http.request(pool, "POST", httpserver.url_for("/"), label="The target", headers={}, body=b"x")
        for _ in range(2)
    ]

    assert [(reply.status, reply.body) for reply in replies] == [(202, b"fine")] * 2


def test_an_endless_answer_is_read_to_the_limit(httpserver: HTTPServer) -> None:
    def endless(_: Request) -> Response:
        return Response((b"x" * 10_000 for _ in range(10_000)), status=200)

    httpserver.expect_request("/").respond_with_handler(endless)

    reply = ask(httpserver, seconds=5)

    assert len(reply.body) == _http.MAX_REPLY_BYTES


def test_an_answer_that_trickles_in_is_left_after_the_deadline(httpserver: HTTPServer) -> None:
    def trickle() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.1)
            yield b"x"

    httpserver.expect_request("/").respond_with_handler(lambda _: Response(trickle(), status=200))
    started = time.monotonic()

    ask(httpserver, seconds=0.5)

    assert time.monotonic() - started < 3


def test_no_answer_at_all_is_a_time_out(httpserver: HTTPServer) -> None:
    def silent(_: Request) -> Response:
        time.sleep(1.5)
        return Response()

    httpserver.expect_request("/").respond_with_handler(silent)

    with pytest.raises(RetryableError) as failed:
        ask(httpserver, seconds=0.3)
    assert failed.value.code == "timeout"


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "], ids=["status", "header"])
def test_a_head_that_trickles_in_is_left_after_the_deadline(beginning: bytes) -> None:
    started = time.monotonic()

    with trickling(beginning) as url, pytest.raises(RetryableError) as failed:
        _http.request(_wire.SharedPools(), "POST", url, label="The target", headers={}, body=b"x", seconds=0.5)

    assert failed.value.code == "timeout"
    assert time.monotonic() - started < 3


def test_addresses_that_are_silent_share_the_time_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight addresses are not tried for the whole time each."""
    tried: list[float] = []

    class Silent(socket.socket):
        def connect(self, _: object) -> None:
            tried.append(self.gettimeout() or 0)
            time.sleep(tried[-1])
            raise TimeoutError

    monkeypatch.setattr(_wire, "_Socket", Silent)
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [address] * 8)
    started = time.monotonic()

    with pytest.raises(RetryableError) as failed:
        _http.request(
            _wire.SharedPools(), "POST", "http://eight.test/", label="The target", headers={}, body=b"x", seconds=0.4
        )

    assert failed.value.code == "unreachable"
    assert len(tried) == 8
    assert time.monotonic() - started < 1
