from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class CommonConfig(AppConfig):
    name = "common"

    def ready(self) -> None:
        connection_created.connect(read_times_quickly)


def read_times_quickly(connection: Any, **_: object) -> None:
    if connection.vendor == "postgresql":
        # Not loaded where SQLite is all that there is.
        from common.postgres import TimeLoader

        connection.connection.adapters.register_loader("timestamptz", TimeLoader)
