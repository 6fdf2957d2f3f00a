"""How large a body a route takes: what the settings say, or what the view itself declares (services/access.py)."""

from flask import Flask, current_app, request

from gateway.services.access import body_bytes_max_of


def register(app: Flask) -> None:
    """Before all that reads a body."""
    app.before_request(_set_limit)


def _set_limit() -> None:
    declared = body_bytes_max_of(current_app.view_functions[request.endpoint]) if request.endpoint else None
    if declared is not None:
        request.max_content_length = declared
