"""The feed of events, from which a portal that was away catches up."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from gateway.api.context import caller, runtime
from gateway.api.fields import PageQuery, choice, page_of
from gateway.api.resource import Resource
from gateway.domain.events import EventType
from gateway.services.access import READERS, requires
from gateway.services.list_events import list_events

resource = Resource("Events", "What happened, in one order that every reader sees alike.")


class EventSchema(Schema):
    """The same that a webhook carries."""

    id = fields.UUID(required=True)
    type = choice(EventType, required=True)
    timestamp = fields.String(required=True, metadata={"format": "date-time"})
    data = fields.Dict(keys=fields.String(), values=fields.Raw(), required=True)


@resource.route("/v1/events")
@requires(*READERS)
@resource.arguments(PageQuery, location="query")
@resource.response(200, page_of(EventSchema, "EventPage"))
def list_some(query: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the feed, the oldest first.

    `after` is the id of the last event you have, from here or from a webhook. `next` is null at the end of what there
    is; ask again later from your last event on.
    """
    with runtime().db.transaction() as tx:
        return list_events(tx, caller(), query["after"], query["limit"])
