"""A progress bar for commands: on a terminal only, so that logs and pipes stay clean."""

from types import TracebackType
from typing import Any, Self

WIDTH = 24


class Progress:
    """`with Progress(self.stderr, "Reading", 5_000) as progress: progress.reach(200)`."""

    def __init__(self, stream: Any, label: str, total: int) -> None:
        self._stream = stream
        self._label = label
        self._total = total
        self._is_shown = bool(total) and stream.isatty()

    def __enter__(self) -> Self:
        self.reach(0)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._is_shown:
            self._stream.write("\r\033[K", ending="")

    def reach(self, done: int) -> None:
        if not self._is_shown:
            return
        share = min(1.0, done / self._total)
        bar = "#" * round(share * WIDTH)
        self._stream.write(f"\r{self._label} [{bar:<{WIDTH}}] {done:,} of {self._total:,}", ending="")
        self._stream.flush()
