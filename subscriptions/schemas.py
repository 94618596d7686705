"""Bodies and answers of the API on subscriptions and their sources."""

from ninja import Schema
from pydantic import Field

from common.api_schemas import Description, Input, Metadata

FILTER = "A CEL expression over ev, such as ev.conn.server_port == 443; empty or absent takes every event."
FIELDS = "Paths of the fields to send; absent sends all. Only traffic events have fields to choose from."


class EventSource(Schema):
    """`filter` and `fields` are there where they are set."""

    type: str
    uri: str
    filter: str | None = None
    fields: list[str] | None = None


class EventSourceList(Schema):
    sources: list[EventSource]
    uri: str


class EventSourceReplace(Input):
    type: str | None = None
    uri: str | None = None
    filter: str | None = Field(default=None, description=FILTER)
    fields: list[str] | None = Field(default=None, description=FIELDS)


class EventSourceCreate(EventSourceReplace):
    subscription_id: str | None = None


class EventSourceUpdate(EventSourceCreate):
    """What is absent stays; `filter` "" takes every event again, `fields` null sends all again."""


class Ref(Schema):
    id: str
    uri: str


class RefGiven(Input):
    id: str | None = None
    uri: str | None = None


class EventSubscription(Schema):
    id: str
    uri: str
    created_at: str
    metadata: str
    description: str
    sources: list[EventSource]
    destinations: list[Ref]


class EventSubscriptionList(Schema):
    event_subscriptions: list[EventSubscription]
    uri: str
    next_page_uri: str | None


class EventSubscriptionCreate(Input):
    metadata: Metadata | None = None
    description: Description | None = None
    sources: list[EventSourceReplace] | None = None
    destination_ids: list[str] | None = None
    # As an answer has them, so that an answer can be sent back.
    destinations: list[RefGiven] | None = None


class EventSubscriptionUpdate(EventSubscriptionCreate):
    """What is absent stays; so do the sources when the list is empty."""

    id: str | None = None
    uri: str | None = None
    created_at: str | None = None
