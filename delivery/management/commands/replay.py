"""Send past events of a subscription again."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts.audit import Actor
from common.arguments import read_time
from delivery.models import Replay
from delivery.replay import cancel_replay, pause_replay, resume_replay, start_replay
from delivery.replay_preview import Preview, preview
from delivery.replay_scope import ReplayRefusedError, Wanted
from destinations.models import Destination
from subscriptions.models import Subscription

ACTS = {"pause": pause_replay, "resume": resume_replay, "cancel": cancel_replay}


class Command(BaseCommand):
    help = "Preview, start, stop or watch a replay. Without --yes only the preview is shown."
    actor = Actor.command("replay")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", help="A subscription's ID to replay, or a replay's number to act on.")
        parser.add_argument("act", nargs="?", choices=[*ACTS, "show"], help="What to do with a replay.")
        parser.add_argument("--to", help="The destination's ID; the subscription's only one by default.")
        parser.add_argument("--from", dest="start", help="First time of acceptance (RFC 3339).")
        parser.add_argument("--until", dest="end", help="End of the time, exclusive; now by default.")
        parser.add_argument("--event", action="append", default=[], help="Only this event; may be repeated.")
        parser.add_argument("--filter", default="", help="A filter instead of the subscription's own.")
        parser.add_argument("--rate", type=int, default=1000, help="Events a second (default 1000).")
        chosen = parser.add_mutually_exclusive_group()
        chosen.add_argument("--yes", action="store_true", help="Start it.")
        chosen.add_argument(
            "--dry-run", action="store_true", help="Only tell what it would do; the default for a start."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"].isdecimal():
            self._act(int(options["what"]), options["act"] or "show", options)
            return
        wanted = self._wanted(options)
        try:
            seen = preview(wanted)
            replay = None
            if options["yes"]:
                replay = start_replay(wanted, created_by="the command line", actor=self.actor)
        except ReplayRefusedError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            shown = {"preview": asdict(seen), "replay": _resource(replay) if replay else None}
            self.stdout.write(json.dumps(shown))
            return
        self._print(seen, wanted)
        if replay:
            self._show(replay)

    def _print(self, seen: Preview, wanted: Wanted) -> None:
        self.stdout.write(
            f"{seen.events:,} events are kept ({seen.gone:,} are not any more); "
            f"{'about ' if seen.is_estimate else ''}{seen.matched:,} match ({seen.bytes:,} bytes).\n"
            f"{seen.delivered_before:,} of that time arrived there before, {seen.too_old:,} are too old for it. "
            f"It takes {seen.seconds:,.0f} s at {wanted.events_per_second:,} events a second."
        )

    def _act(self, number: int, act: str, options: dict[str, Any]) -> None:
        replay = Replay.objects.filter(pk=number).first()
        if replay is None:
            raise CommandError(f"There is no replay {number}.")
        if act != "show":
            with transaction.atomic():
                if not ACTS[act](replay=replay, actor=self.actor):
                    raise CommandError(f"Replay {number} is {replay.state}; it can't {act}.")
                replay.refresh_from_db()
                if options["dry_run"]:
                    transaction.set_rollback(True)
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": options["dry_run"], "replay": _resource(replay)}))
        else:
            self._show(replay, "would be" if options["dry_run"] else "is")

    def _show(self, replay: Replay, verb: str = "is") -> None:
        self.stdout.write(
            f"Replay {replay.pk} {verb} {replay.state}: {replay.batches_done:,} of {replay.batches_total:,} batches, "
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
            read_time(options["start"], "--from") or subscription.created_at,
            read_time(options["end"], "--until") or timezone.now(),
            options["filter"],
            tuple(options["event"]),
            options["rate"],
        )


def _resource(replay: Replay) -> dict[str, Any]:
    names = ("id", "state", "subscription_id", "destination_id", "batches_done", "batches_total", "matched", "error")
    return {name: getattr(replay, name) for name in names}
