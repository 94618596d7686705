"""Jobs of the queue `mail`: looking for what people are to be told of."""

from dashboard.notifications import notify


def notices_job(_key: str) -> None:
    notify()
