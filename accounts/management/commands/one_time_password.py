"""For a person who cannot sign in."""

from argparse import ArgumentParser
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.audit import Actor, record_sign_in_change
from accounts.models import User


class Command(BaseCommand):
    help = "Give a person a password that is good for choosing a new one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument(
            "--without-second-factor",
            action="store_true",
            help="Also take the second factor away, of somebody who lost phone and recovery codes.",
        )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].lower()).first()
        if user is None:
            raise CommandError(f"Nobody here has the e-mail address {options['email']}.")
        actor = Actor.command("one_time_password")
        if options["without_second_factor"]:
            Authenticator.objects.filter(user=user).delete()
            record_sign_in_change(user=user, event_type="second_factor_removed", actor=actor)
        record_sign_in_change(user=user, event_type="one_time_password_given", actor=actor)
        self.stdout.write(user.give_one_time_password())
