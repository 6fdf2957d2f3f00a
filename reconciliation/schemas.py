"""What the schemas of requests have in common."""

from marshmallow import Schema


class Strict(Schema):
    error_messages = {"unknown": "is not a field of this request"}  # noqa: RUF012 - marshmallow's own class attribute
