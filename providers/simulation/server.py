"""A simulator as a real HTTP server: threads, no log lines, and a clean end on SIGTERM or Ctrl-C."""

import signal
import threading
from types import FrameType

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from providers.simulation import settlement
from providers.simulation.bank import Bank

HOST = "127.0.0.1"  # simulators are for this machine only
CLOSE_DAYS_EVERY_S = 5


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing: an access log would hold what /_sim/traffic is for."""


class RunningSimulator:
    """A simulator that serves from a thread of its own. `port` 0 takes a free one; see `url`."""

    def __init__(self, app: Flask, port: int = 0) -> None:
        self.bank: Bank = app.extensions["bank"]
        self._server: BaseWSGIServer = make_server(HOST, port, app, threaded=True, request_handler=_Quiet)
        self.url = f"http://{HOST}:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._stopped = threading.Event()
        self._clerk = threading.Thread(target=self._close_days, daemon=True)
        self.bank.sender.start()
        self._thread.start()
        self._clerk.start()

    def _close_days(self) -> None:
        """Files are sent unasked once a day is over; an API closes its days when it is asked."""
        while self.bank.outbox is not None and not self._stopped.wait(CLOSE_DAYS_EVERY_S):
            settlement.settle_past_days(self.bank)

    def stop(self) -> None:
        self._stopped.set()
        self._clerk.join()
        self.bank.board.stop()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.bank.sender.stop()
        self.bank.books.close()


def serve_app(app: Flask, port: int) -> None:
    """Serve until SIGTERM or SIGINT. To be called from the main thread."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    running = RunningSimulator(app, port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    stopped.wait()
    running.stop()
