"""Send past events of a subscription again."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from delivery.models import Replay
from delivery.replay import cancel_replay, pause_replay, resume_replay, start_replay
from delivery.replay_preview import preview
from delivery.replay_scope import ReplayRefusedError, Wanted
from destinations.models import Destination
from subscriptions.models import Subscription

ACTS = {"pause": pause_replay, "resume": resume_replay, "cancel": cancel_replay}


class Command(BaseCommand):
    help = "Preview, start, stop or watch a replay. Without --yes only the preview is shown."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", help="A subscription's ID to replay, or a replay's number to act on.")
        parser.add_argument("act", nargs="?", choices=[*ACTS, "show"], help="What to do with a replay.")
        parser.add_argument("--to", help="The destination's ID; the subscription's only one by default.")
        parser.add_argument("--from", dest="start", help="First time of acceptance (RFC 3339).")
        parser.add_argument("--until", dest="end", help="End of the time, exclusive; now by default.")
        parser.add_argument("--event", action="append", default=[], help="Only this event; may be repeated.")
        parser.add_argument("--filter", default="", help="A filter instead of the subscription's own.")
        parser.add_argument("--rate", type=int, default=1000, help="Events a second (default 1000).")
        parser.add_argument("--yes", action="store_true", help="Start it.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"].isdecimal():
            self._act(int(options["what"]), options["act"] or "show")
            return
        wanted = self._wanted(options)
        try:
            seen = preview(wanted)
            self.stdout.write(
                f"{seen.events:,} events are kept ({seen.gone:,} are not any more); "
                f"{'about ' if seen.is_estimate else ''}{seen.matched:,} match ({seen.bytes:,} bytes).\n"
                f"{seen.delivered_before:,} of that time arrived there before, {seen.too_old:,} are too old for it. "
                f"It takes {seen.seconds:,.0f} s at {wanted.events_per_second:,} events a second."
            )
            if options["yes"]:
                self._show(start_replay(wanted, created_by="the command line"))
        except ReplayRefusedError as error:
            raise CommandError(str(error)) from error

    def _act(self, number: int, act: str) -> None:
        replay = Replay.objects.filter(pk=number).first()
        if replay is None:
            raise CommandError(f"There is no replay {number}.")
        if act != "show" and not ACTS[act](replay=replay):
            raise CommandError(f"Replay {number} is {replay.state}; it can't {act}.")
        replay.refresh_from_db()
        self._show(replay)

    def _show(self, replay: Replay) -> None:
        self.stdout.write(
            f"Replay {replay.pk} is {replay.state}: {replay.batches_done:,} of {replay.batches_total:,} batches, "
            f"{replay.matched:,} records sent on. {replay.error}".rstrip()
        )

    def _wanted(self, options: dict[str, Any]) -> Wanted:
        subscription = Subscription.objects.select_related("account").filter(pk=options["what"]).first()
        if subscription is None:
            raise CommandError(f"There is no subscription {options['what']}.")
        destinations = Destination.objects.existing().filter(account=subscription.account)
        if options["to"]:
            destinations = destinations.filter(pk=options["to"])
        else:
            destinations = destinations.filter(subscriptions=subscription)
        found = list(destinations[:2])
        if len(found) != 1:
            raise CommandError("Name one destination of the account with --to.")
        return Wanted(
            subscription,
            found[0],
            _time(options["start"], "--from") or subscription.created_at,
            _time(options["end"], "--until") or timezone.now(),
            options["filter"],
            tuple(options["event"]),
            options["rate"],
        )


def _time(value: str | None, option: str) -> datetime | None:
    if value is None:
        return None
    time = parse_datetime(value)
    if time is None or time.tzinfo is None:
        raise CommandError(f"{option} {value!r} is not an RFC 3339 time with its zone, such as 2026-11-23T08:00:00Z.")
    return time
