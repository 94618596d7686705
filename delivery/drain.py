"""Draining: go round the destinations that stand ready, and send each what is due.

Destinations are taken in groups under one lease. As long as they answer quickly, they share the queries of claiming and
settling; one that does not keeps the others of its group for half a second, then other workers may take them.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import structlog
from django.db import Error as DatabaseError
from django.db import close_old_connections

from common import wake
from delivery import stopping
from delivery.carry import Carrier, PutOffError, StopSendingError
from delivery.claim import Claim, claim, release, renew
from delivery.settling import LeaseLostError, Settling
from delivery.turn import Turn
from destinations.models import Destination
from destinations.outcome import SendResult
from destinations.records import Records
from destinations.targets import Target

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 32
# After so long a group gives back what it has not begun.
GROUP_SECONDS = 0.5
# Those that are to be tried again within this time are waited for; the others the sweep finds. It comes as often.
SOON_SECONDS = 5.0

# One call at a time; a thread, so that the worker can look after the rest of the group while a destination hangs.
_caller = ThreadPoolExecutor(1, "send")


@dataclass(slots=True)
class _Round:
    """A walk past the destinations that stand ready: each of them once."""

    queue: str
    seen: set[str] = field(default_factory=set)
    begun: int = 0
    is_more: bool = False
    is_waiting: bool = False

    def note(self, group: "Group") -> None:
        self.begun += group.begun
        self.is_more |= group.is_more
        self.is_waiting |= group.is_waiting

    def next_group(self, most: int) -> list[str]:
        """Up to so many that were not seen yet; empty when the round is over."""
        ids, behind = wake.next_ready(self.queue, most)
        if behind and not self.seen:
            # Another worker takes part, also where this one is about to hang.
            wake.stand_ready(self.queue)
        again = [pk for pk in ids if pk in self.seen]
        self.put_back(again)
        self.seen.update(ids)
        return [pk for pk in ids if pk not in again]

    def put_back(self, ids: Sequence[str]) -> None:
        if ids:
            wake.stand_ready(self.queue, *ids)


class _Soon:
    """Destinations that failed and are tried again before the next sweep: a service that throttles asks for a fraction
    of a second, and would get much less than it takes if it always got five."""

    def __init__(self) -> None:
        self._due_at: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._due_at)

    def note(self, failed: Mapping[str, float]) -> None:
        now = time.monotonic()
        self._due_at |= {pk: now + seconds for pk, seconds in failed.items() if seconds < SOON_SECONDS}

    def line_up(self) -> None:
        """Those whose time has come stand ready."""
        now = time.monotonic()
        due = [pk for pk, due_at in self._due_at.items() if due_at <= now]
        for pk in due:
            del self._due_at[pk]
        wake.drain(*due, slow=True)


def drain_ready(queue: str, turn: Turn) -> None:
    """Drain the destinations that stand ready in this queue, round after round until none does, nor will soon."""
    most = at_once = MOST_AT_ONCE
    soon = _Soon()
    while turn.may_look():
        soon.line_up()
        this = _Round(queue)
        while not stopping.is_requested() and (ids := this.next_group(at_once)):
            try:
                group = drain(*ids)
            except DatabaseError:
                raise
            except Exception:
                # One that can't even be read: from now on each is taken alone, so that it harms no other.
                log.exception("group_failed", destinations=ids)
                this.put_back(ids if len(ids) > 1 else [])
                most = at_once = 1
            else:
                this.note(group)
                soon.note(group.failed)
                at_once = max(1, group.begun) if group.given_back else min(2 * at_once, most)
        if not (this.seen or soon):
            return
        turn.found(is_more=this.is_more, is_idle=this.is_waiting and not this.begun)


def drain(*destination_ids: str) -> "Group":
    """Send what one lease takes of what is due at these destinations. What fails waits for its next attempt."""
    group = Group(destination_ids)
    group.run()
    return group


class Group:
    """Destinations that are drained under one lease.

    `begun`: how many it came to; `given_back`: whether it ran out of time before it came to the others; `is_more`: more
    is due at once; `is_waiting`: other workers are at some of them; `failed`: after how many seconds those that failed
    are to be tried again.
    """

    def __init__(self, destination_ids: Sequence[str]) -> None:
        self._lease = claim(*destination_ids)
        self._settling = Settling()
        self._ends_at = time.monotonic() + GROUP_SECONDS
        self._ahead = list(self._lease.claims)
        self._unfinished: list[Destination] = []
        self.failed: dict[str, float] = {}
        self.begun = 0
        self.given_back = False
        self.is_more = bool(self._lease.left)
        self.is_waiting = bool(self._lease.busy)

    def run(self) -> None:
        try:
            while self._ahead:
                if stopping.is_requested() or (self.begun and time.monotonic() > self._ends_at):
                    self._give_back()
                    break
                self.begun += 1
                self._carry(self._ahead.pop(0))
        finally:
            self._settling.settle()
            release(self._lease, self._lease.claims)
        _stand_ready(*self._lease.left, *self._lease.busy, *self._unfinished)

    def _carry(self, claimed: Claim) -> None:
        destination, is_more = claimed.destination, claimed.is_more
        if is_more and claimed.has_free_slot:
            _stand_ready(destination)
        try:
            Carrier(claimed, self._settling, self._send).carry()
        except PutOffError as error:
            self.failed[destination.pk] = error.seconds
            return
        except StopSendingError:
            is_more = True
        except LeaseLostError:
            return
        except Exception:
            # Not the trouble of those behind it; the sweep comes back to it.
            log.exception("drain_failed", destination=destination.pk)
            close_old_connections()
            return
        if is_more:
            self.is_more = True
            self._unfinished.append(destination)

    def _send(self, target: Target, records: Records) -> SendResult:
        """Make one call; give back those behind it as soon as it takes too long."""
        renew(self._lease)
        if not self._ahead:
            return target.send(records)
        call = _caller.submit(target.send, records)
        try:
            if not wait([call], max(0.0, self._ends_at - time.monotonic())).done:
                self._give_back()
                self._settling.settle()
        finally:
            # Whatever happened here: a target makes one call at a time.
            wait([call])
        return call.result()

    def _give_back(self) -> None:
        rest, self._ahead = self._ahead, []
        self.given_back = self.is_more = True
        release(self._lease, rest)
        for claimed in rest:
            claimed.is_open = False
        _stand_ready(*(claimed.destination for claimed in rest))


def _stand_ready(*destinations: Destination) -> None:
    wake.drain(*(each.pk for each in destinations if not each.is_failing))
    wake.drain(*(each.pk for each in destinations if each.is_failing), slow=True)
