"""A simulator as a real HTTP server: threads, no log lines, and a clean end on SIGTERM or Ctrl-C."""

import signal
import threading
from types import FrameType

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from providers.simulation import settlement
from providers.simulation.bank import Bank

HOST = "127.0.0.1"  # simulators are for this machine only
POLL_S = 0.1
CLOSE_DAYS_EVERY_S = 5


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing: an access log would hold what /_sim/traffic is for."""


class RunningSimulator:
    """A simulator that serves from a thread of its own. `port` 0 takes a free one; see `url`.

    During an outage (POST /_sim/outage) nobody listens on its port and no notification leaves it.
    """

    def __init__(self, app: Flask, port: int = 0) -> None:
        self.bank: Bank = app.extensions["bank"]
        self._app = app
        self._server = self._listening(port)
        self._outage_s = 0
        self._stopped = threading.Event()
        self._changing = threading.Lock()
        self.url = f"http://{HOST}:{self._server.port}"
        app.extensions["outage"] = self.go_down
        self._clerk = threading.Thread(target=self._close_days, daemon=True)
        self.bank.sender.start()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self._clerk.start()

    def _close_days(self) -> None:
        """Files are sent unasked once a day is over; an API closes its days when it is asked."""
        while self.bank.outbox is not None and not self._stopped.wait(CLOSE_DAYS_EVERY_S):
            settlement.settle_past_days(self.bank)

    def go_down(self, seconds: int) -> None:
        """Be gone for so long. Returns at once: whoever asks over HTTP is answered first."""
        self._outage_s = seconds
        self.bank.sender.pause()
        threading.Thread(target=self._server.shutdown, daemon=True).start()

    def stop(self) -> None:
        self.bank.board.stop()
        with self._changing:
            self._stopped.set()
        self._clerk.join()
        self._server.shutdown()
        self._thread.join()
        self.bank.sender.stop()
        self.bank.books.close()

    def _serve(self) -> None:
        while True:
            self._server.serve_forever(POLL_S)
            self._server.server_close()
            self._stopped.wait(self._outage_s)
            with self._changing:
                if self._stopped.is_set():
                    return
                self._server = self._listening(self._server.port)
            self.bank.sender.resume()

    def _listening(self, port: int) -> BaseWSGIServer:
        return make_server(HOST, port, self._app, threaded=True, request_handler=_Quiet)


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
