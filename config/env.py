"""Everything that is configured from outside: typed readers of environment variables.

A value may also come from a file named by `<NAME>_FILE`, as container platforms hand out secrets.
`.env` beside manage.py is read first; a variable that is set already wins over it.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def load_dotenv(path: Path = ROOT / ".env") -> None:
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, sign, value = text.partition("=")
        if not sign:
            raise ImproperlyConfigured(f"{path}, line {number}: expected NAME=value, got {text!r}.")
        os.environ.setdefault(name.strip(), value.strip().strip("\"'"))


def load_running(path: Path) -> None:
    """What a `make run` that is alive has set for its children, so that commands beside it find queue and emulators."""
    try:
        running = json.loads(path.read_text())
        os.kill(running["pid"], 0)
    except (OSError, ValueError, KeyError):
        return
    for name, value in running["environment"].items():
        os.environ.setdefault(name, value)


def raw(name: str) -> str | None:
    if name in os.environ:
        return os.environ[name]
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return None
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE names {file!r}, which cannot be read: {error.strerror}.") from error


def read(name: str, cast: Callable[[str], T], default: T) -> T:
    value = raw(name)
    if value is None or value == "":
        return default
    try:
        return cast(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r} is not valid: {error}.") from error


def boolean(value: str) -> bool:
    if value.lower() in TRUE:
        return True
    if value.lower() in FALSE:
        return False
    raise ValueError("use true or false")


def comma_list(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def database(url: str) -> dict[str, object]:
    """`postgresql://user:password@host:5432/name` or `sqlite:///absolute/path` as Django's settings."""
    parts = urlsplit(url)
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "OPTIONS": {**dict(parse_qsl(parts.query)), "connect_timeout": 5},
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
        }
    if parts.scheme == "sqlite":
        return sqlite(Path(unquote(parts.path)))
    raise ValueError("use postgresql://USER:PASSWORD@HOST:PORT/NAME or sqlite:///PATH")


def sqlite(path: Path) -> dict[str, object]:
    """Durable and concurrent: a write lock is taken at BEGIN and waited for, each commit reaches the disk."""
    return {
        "ENGINE": "common.sqlite",
        "NAME": str(path),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;",
        },
    }


def key_file(path: Path, make: Callable[[], str]) -> str:
    """The secret kept in `path`, made at the first call; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        secret = make()
        file.write(secret + "\n")
    return secret
