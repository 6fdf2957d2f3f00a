"""For those who run it: is it up, can it work, how does it do."""

from flask import Blueprint, Response, jsonify

from gateway.api.context import runtime
from gateway.api.metrics import exposition
from gateway.services.access import public
from gateway.services.monitor import check_ready

pages = Blueprint("running", __name__)


@pages.get("/healthz")
@public("a supervisor asks whether the process lives", counted=False)
def health() -> Response:
    """200 as long as the process answers, whatever it depends on."""
    return jsonify(status="up")


@pages.get("/readyz")
@public("a load balancer asks whether to send requests here", counted=False)
def ready() -> Response:
    """200 if it can do its work; a 503 problem that says what is missing if not."""
    check_ready(runtime())
    return jsonify(status="ready")


@pages.get("/metrics")
@public("totals without names; keep it inside at the load balancer", counted=False)
def metrics() -> Response:
    return exposition(runtime())
