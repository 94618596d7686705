"""Stopping this process in good order: the flag that long work looks at between two steps."""


class _Stop:
    requested = False


_stop = _Stop()


def request() -> None:
    """Called by a signal handler: only a flag, since a signal may come at any line."""
    _stop.requested = True


def is_requested() -> bool:
    return _stop.requested


def forget() -> None:
    """For a process that goes on, such as a test's."""
    _stop.requested = False
