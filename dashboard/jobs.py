"""What workers do for this room."""

from dashboard.notifications import notify


def notices_job(_key: str) -> None:
    notify()
