"""From a target as the API has it to what the services take, by the same form as on the pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.api import APIError, refuse
from destinations.forms import target_form
from destinations.models import Destination
from destinations.targets import ResourceError, TargetForm, all_targets

FORMAT = "json"
OTHER_FAULT = 5140


@dataclass(frozen=True, slots=True)
class WantedTarget:
    slug: str
    config: dict[str, str]
    secrets: dict[str, str]


def read_format(value: str | None) -> str:
    """The format as it was written, in whichever case. Raises APIError."""
    if value is None or value.lower() != FORMAT:
        told = "is missing" if not value else f"{value[:40]!r} is not supported"
        raise refuse(235, f"format {told}. Give {FORMAT!r}, the only one there is.")
    return value


def read_target(given: Mapping[str, Any] | None, destination: Destination | None = None) -> WantedTarget:
    """The one target in `given`, over what is stored of `destination`. Raises APIError."""
    slug, resource = _the_one(given)
    target = all_targets()[slug]
    if destination is not None:
        if destination.target != slug:
            message = f"The target is {destination.target}; it cannot become {slug}. Create a new destination."
            raise refuse(5108, message)
        resource = {**target.resource(destination.config), **resource}
    try:
        data = target.form_data(_without_nulls(resource))
    except ResourceError as error:
        raise refuse(error.code, f"{slug}: {error}") from None
    form = target_form(slug, {f"target-{name}": value for name, value in data.items()}, destination)
    if not form.is_valid():
        raise _target_error(slug, form)
    return WantedTarget(slug, form.config(), form.secrets())


def _the_one(given: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
    known = ", ".join(sorted(all_targets()))
    chosen = {name: value for name, value in (given or {}).items() if value is not None}
    for name in chosen:
        if name not in all_targets():
            raise refuse(236, f"{name[:60]!r} is not a target. Give one of {known}.")
    if not chosen:
        raise refuse(5100, f"target is missing. Give one of {known}.")
    if len(chosen) > 1:
        raise refuse(5115, f"There are {len(chosen)} targets: {', '.join(sorted(chosen))}. Give exactly one.")
    ((slug, resource),) = chosen.items()
    return slug, dict(resource)


def _without_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_nulls(item) if isinstance(item, Mapping) else item
        for name, item in value.items()
        if item is not None
    }


def _target_error(slug: str, form: TargetForm) -> APIError:
    """The first fault under its code; all of them, by field, in the details."""
    faults = form.errors.as_data()
    name, errors = next(iter(faults.items()))
    codes = form.api_codes
    code = codes.get(errors[0].code or "", codes.get(name, OTHER_FAULT))
    shown = {field: " ".join(message for error in each for message in error.messages) for field, each in faults.items()}
    told = shown[name]
    if errors[0].code == "required":
        told = f"{_label(form, name)} is missing. Give {name}."
    return refuse(code, f"{slug}, {name}: {told}", fields=shown)


def _label(form: TargetForm, name: str) -> str:
    return str(form.fields[name].label) if name in form.fields else name
