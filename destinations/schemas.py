"""Bodies and answers of the API on destinations. What a target looks like comes from the targets themselves."""

from typing import Annotated, Any

from ninja import Schema
from pydantic import BaseModel, Field, create_model

from common.api_schemas import Description, Input, Metadata
from destinations.targets import all_targets

# The names of the published contract, for what several targets share.
SHARED_NAMES = {"auth": "AWSAuth", "role": "AWSRole", "creds": "AWSCredentials"}

_models: dict[tuple[str, type[BaseModel]], type[BaseModel]] = {}


def _model(name: str, shape: dict[str, Any], base: type[BaseModel]) -> type[BaseModel]:
    """Optional keys for everything in the shape: which of them are needed is the target's form's to say."""
    if (name, base) not in _models:
        fields: dict[str, Any] = {}
        for key, value in shape.items():
            is_object = isinstance(value, dict)
            kind = _model(SHARED_NAMES.get(key, key) + name_suffix(base), value, base) if is_object else str
            fields[key] = (kind | None, None)
        _models[name, base] = create_model(name, __base__=base, **fields)
    return _models[name, base]


def name_suffix(base: type[BaseModel]) -> str:
    return "Given" if issubclass(base, Input) else ""


def _target_model(base: type[BaseModel]) -> type[BaseModel]:
    suffix = name_suffix(base)
    fields: dict[str, Any] = {}
    for slug, target in sorted(all_targets().items()):
        name = "EventTarget" + "".join(word.capitalize() for word in slug.split("_")) + suffix
        part = Input if issubclass(base, Input) else base
        fields[slug] = (_model(name, target.shape(), part) | None, None)
    return create_model("EventTarget" + suffix, __base__=base, **fields)


class TargetInput(Input):
    unknown_key = "unknown_target"


EventTarget: Any = _target_model(Schema)
EventTargetGiven: Any = _target_model(TargetInput)


RefusesTooOld = Annotated[
    bool,
    Field(
        description="What becomes of a record that is older than the service takes: a dead letter, or, by default, it "
        "gets the time of sending and keeps its own inside."
    ),
]


class EventDestinationCreate(Input):
    metadata: Metadata | None = None
    description: Description | None = None
    format: str | None = None
    refuses_too_old: RefusesTooOld | None = None
    target: EventTargetGiven | None = None


class EventDestinationUpdate(EventDestinationCreate):
    """What is absent stays. `id`, `uri` and `created_at` are taken where they agree with what is there."""

    id: str | None = None
    uri: str | None = None
    created_at: str | None = None


class EventDestination(Schema):
    id: str
    metadata: str
    created_at: str
    description: str
    format: str
    refuses_too_old: RefusesTooOld
    target: EventTarget
    uri: str


class EventDestinationList(Schema):
    event_destinations: list[EventDestination]
    uri: str
    next_page_uri: str | None
