"""The kinds of destination, found by module name."""

import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module

from destinations.targets._base import (
    Arrival,
    Config,
    Context,
    NotYetError,
    ResourceError,
    Step,
    StepResult,
    Target,
    TargetForm,
)

__all__ = [
    "Arrival",
    "Config",
    "Context",
    "NotYetError",
    "ResourceError",
    "Step",
    "StepResult",
    "Target",
    "TargetForm",
    "all_targets",
    "get_target",
    "target_choices",
]


@lru_cache
def all_targets() -> Mapping[str, type[Target]]:
    """Slug to target, by label."""
    found: dict[str, type[Target]] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_"):
            continue
        target: type[Target] = import_module(f"{__name__}.{module.name}").TARGET
        if target.slug != module.name:
            raise ImportError(f"destinations/targets/{module.name}.py defines the slug {target.slug!r}.")
        found[target.slug] = target
    return dict(sorted(found.items(), key=lambda item: item[1].label))


def get_target(slug: str) -> type[Target] | None:
    return all_targets().get(slug)


def target_choices() -> list[tuple[str, str]]:
    return [(slug, target.label) for slug, target in all_targets().items()]
