"""A RapidFlow for the command line to talk to: real HTTP and WebSocket, a scripted campaign."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from flask_sock import Sock
from simple_websocket import ConnectionClosed
from simple_websocket import Server as Socket
from werkzeug.serving import make_server

CAMPAIGN = "CAMP-abc"
TOKEN = "rf_test"


@dataclass
class Rapid:
    """The server's truth and its manners; tests set both."""

    total: int = 10
    failing: int = 0
    doubtful: int = 0
    skipped: int = 0
    #: seconds between two events; a socket hears of each
    pace: float = 0.005
    #: sockets are cut after this many events, this many times
    cut_after: int = 0
    cuts: int = 0
    sockets: bool = True
    silent_sockets: bool = False
    busy: int = 0  # answer 429 to so many requests first
    refuse_create: dict[str, Any] | None = None
    waiting_reason: str | None = None
    port: int = 0
    created: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)
    started: float | None = None
    ended_sockets: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.started = time.monotonic()

    @property
    def position(self) -> int:
        """How many contacts are done: one more each `pace` seconds."""
        if self.started is None:
            return self.skipped
        done = int((time.monotonic() - self.started) / self.pace) if self.pace else self.total
        return min(self.total, self.skipped + done)

    def counts(self, position: int) -> dict[str, int]:
        done = position - self.skipped
        failed = min(self.failing, done)
        doubt = min(self.doubtful, done - failed)
        return {"failed": failed, "doubt": doubt, "sent": done - failed - doubt}

    def metrics(self) -> dict[str, Any]:
        position = self.position
        counts = self.counts(position)
        over = position == self.total
        return {
            "campaign_id": CAMPAIGN,
            "status": "completed" if over else "running",
            "total_contacts": self.total,
            "sent_count": counts["sent"],
            "error_count": counts["failed"],
            "in_doubt_count": counts["doubt"],
            "skipped_count": self.skipped,
            "cancelled_count": 0,
            "processed_count": position,
            "progress_percentage": 100 * position / self.total,
            "messages_per_minute": 12.5,
            "estimated_seconds_remaining": None if over else 90,
            "health_score": 100,
            "waiting_reason": None if over else self.waiting_reason,
        }

    def event(self, position: int) -> dict[str, Any]:
        if position > self.total:
            return {"event": "campaign_complete", "totalSent": 0, "totalErrors": 0}
        counts = self.counts(position)
        return {
            "event": "progress",
            "currentPosition": position,
            "totalContacts": self.total,
            "sent": counts["sent"],
            "errors": counts["failed"],
            "inDoubt": counts["doubt"],
            "skipped": self.skipped,
            "estimated_seconds_remaining": 60,
        }


def make_app(rapid: Rapid) -> Flask:
    app = Flask(__name__)
    add_gate(app, rapid)
    add_campaigns(app, rapid)
    add_socket(app, rapid)
    return app


def add_gate(app: Flask, rapid: Rapid) -> None:
    @app.before_request
    def gate() -> ResponseReturnValue | None:
        rapid.asked.append(f"{request.method} {request.path}")
        if request.path == "/ws":
            return None
        if rapid.busy > 0:
            rapid.busy -= 1
            return error(429, "rate_limited", "Too many requests."), 429, {"Retry-After": "0.2"}
        if TOKEN not in (request.headers.get("X-API-Key"), bearer()):
            return error(401, "unauthorized", "No valid credentials."), 401
        return None


def add_campaigns(app: Flask, rapid: Rapid) -> None:
    @app.post("/api/campaigns")
    def create() -> ResponseReturnValue:
        if rapid.refuse_create is not None:
            return jsonify({"success": False, "error": rapid.refuse_create}), 422
        body = request.get_json()
        rapid.created.append(body)
        rapid.headers.append(dict(request.headers))
        rapid.total = len(body["contacts"])
        rapid.start()
        answer = {
            "success": True,
            "campaign": {"id": 7, "campaign_id": CAMPAIGN, "name": body["name"]},
            "validation": {
                "valid": rapid.total - rapid.skipped,
                "skipped": rapid.skipped,
                "reasons": {"duplicate": rapid.skipped} if rapid.skipped else {},
            },
            "rateLimitRemaining": 59,
        }
        return jsonify(answer), 201

    @app.get("/api/campaigns/<ident>/metrics")
    def metrics(ident: str) -> ResponseReturnValue:
        if ident not in (CAMPAIGN, "7"):
            return error(404, "not_found", "No such campaign."), 404
        return jsonify({"success": True, "metrics": rapid.metrics()})

    @app.get("/api/campaigns/<ident>")
    def campaign(ident: str) -> ResponseReturnValue:
        found = {
            "campaign_id": CAMPAIGN,
            "name": "Natal",
            "started_at": "2025-11-23T10:00:00.000Z",
            "completed_at": "2025-11-23T10:02:30.000Z",
            "skipped_reasons": {"duplicate": rapid.skipped} if rapid.skipped else {},
            "top_errors": [
                {"code": "not_on_whatsapp", "message": "not on WhatsApp", "count": rapid.failing}
            ]
            if rapid.failing
            else [],
        }
        return jsonify({"success": True, "campaign": found})


def add_socket(app: Flask, rapid: Rapid) -> None:
    app.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": None}
    sock = Sock(app)
    tickets = itertools.count()

    @app.post("/api/ws/ticket")
    def ticket() -> ResponseReturnValue:
        if not rapid.sockets:
            return error(404, "not_found", "No such route."), 404
        return jsonify({"success": True, "ticket": f"t{next(tickets)}", "expires_in": 30})

    @sock.route("/ws")
    def ws(socket: Socket) -> None:
        try:
            serve_socket(rapid, socket)
        except ConnectionClosed:
            rapid.ended_sockets.append("closed by the client")


def bearer() -> str | None:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def error(status: int, code: str, message: str) -> Any:
    body = {"code": code, "message": message, "request_id": f"req-{status}"}
    return jsonify({"success": False, "error": body})


def serve_socket(rapid: Rapid, socket: Socket) -> None:
    socket.send(json.dumps({"type": "authenticated"}))
    wish = json.loads(socket.receive(timeout=5))
    rapid.heard.append(wish)
    if rapid.silent_sockets:
        socket.receive()
    seq = wish["afterSeq"] if wish["type"] == "resume" else rapid.position
    if wish["type"] == "subscribe_campaign":
        snapshot = {"type": "subscribed", "campaignId": CAMPAIGN, "seq": seq}
        socket.send(json.dumps({**snapshot, "metrics": rapid.metrics()}))
    told = 0
    while seq <= rapid.total:
        while seq >= rapid.position and rapid.position < rapid.total:
            time.sleep(0.001)
        if rapid.cuts and told >= rapid.cut_after:
            rapid.cuts -= 1
            return
        seq, told = seq + 1, told + 1
        update = {"type": "campaign_update", "campaignId": CAMPAIGN, "seq": seq, "prevSeq": seq - 1}
        socket.send(json.dumps({**update, "data": rapid.event(seq), "timestamp": ""}))
    socket.receive(timeout=5)


@pytest.fixture
def rapid() -> Iterator[Rapid]:
    truth = Rapid()
    server = make_server("127.0.0.1", 0, make_app(truth), threaded=True)
    server.daemon_threads = True
    truth.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield truth
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def write_list(tmp_path: Any) -> Callable[[str], str]:
    """Write a CSV and return its path."""

    def write(text: str) -> str:
        path = tmp_path / "lista.csv"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write
