"""When to try again."""

import random
from datetime import datetime, timedelta

from destinations.outcome import DeliveryError

BASE_SECONDS = 1.0
CAP_SECONDS = 300.0
# 2 ** 9 seconds is past the cap; larger powers only overflow.
LARGEST_POWER = 9


def next_try(error: DeliveryError, failures: int, now: datetime) -> datetime:
    """Exponential with full jitter, 1 s to 5 min, after `failures` in a row; never before the service's own hint.

    Full jitter keeps destinations that failed together from coming back together
    (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter).
    """
    ceiling = min(CAP_SECONDS, BASE_SECONDS * 2 ** min(failures, LARGEST_POWER))
    delay = random.uniform(0, ceiling)  # noqa: S311  # nosec B311
    if error.retry_after is not None:
        delay = max(delay, min(error.retry_after, CAP_SECONDS))
    return now + timedelta(seconds=max(delay, 0.1))
