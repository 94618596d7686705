"""Rotating credentials: what is typed is tested as it is, and takes over only when every step has passed."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from accounts.audit import Actor
from accounts.models import User
from destinations.models import Destination, TestRun
from destinations.targets import TargetForm
from destinations.testing import start_test_run


def rotated_names(destination: Destination) -> list[str]:
    """The fields of the credentials that this destination uses; empty when it signs in with a role."""
    form = destination.target_class.form_class(stored=destination.config, stored_secrets=destination.secrets)
    secrets = list(form.needed_secrets(destination.config))
    return [*form.rotated_fields, *secrets] if secrets else []


def rotation_form(destination: Destination, data: Mapping[str, Any] | None = None) -> TargetForm:
    """The target's form with what is stored, in which only the credentials are typed, all of them anew."""
    form_class = destination.target_class.form_class
    names = rotated_names(destination)
    if data is None:
        stored = {name: value for name, value in destination.config.items() if name not in names}
        form = form_class(initial=stored)
    else:
        typed = {f"target-{name}": data.get(f"target-{name}", "") for name in names}
        kept = {f"target-{name}": value for name, value in destination.config.items() if name not in names}
        form = form_class({**kept, **typed})
    for name in list(form.fields):
        if data is None and name not in names:
            del form.fields[name]
    return form


def start_rotation(
    *,
    destination: Destination,
    config: Mapping[str, str],
    secrets: Mapping[str, str],
    expires_on: date | None,
    actor: Actor,
    user: User | None,
) -> TestRun:
    """Test new credentials on a worker. The old ones send until the last step has switched over."""
    return start_test_run(
        account=destination.account,
        target=destination.target,
        config=config,
        secrets=secrets,
        destination=destination,
        purpose=TestRun.Purpose.ROTATION,
        started_by=user,
        rotation={
            "actor": asdict(actor),
            "revision": destination.revision,
            "expires_on": expires_on.isoformat() if expires_on else "",
        },
    )
