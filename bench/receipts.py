"""Receipts: how many webhooks a second are stored, and how many applied, with none lost.

A scenario of its own, because four webhooks for each message would measure the webhooks' address
and not the sending. The messages were sent beforehand; then the provider reports each delivered,
and later each read, over several connections at once.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil

from bench.figures import at_least, spread
from bench.load import Load, new_ground
from bench.processes import cpu_seconds, resident_mib, stub_provider
from bench.product import engine, send_with
from bench.rig import Rig
from bench.scenario import Row, Scenario
from bench.web import web_process
from tests.factories import WEBHOOK_SECRET, Factory

_CONNECTIONS = 16
_PROCESSES = {"RAPIDFLOW_HTTP__WORKERS": "2"}  # as docker-compose.yml runs it
_STATUSES = ("DELIVERY_ACK", "READ")
_STALLED_SECONDS = 60.0
_SENT = """
SELECT i.public_id, i.name, m.provider_id, c.phone
  FROM messages AS m
  JOIN contacts AS c USING (tenant_id, campaign_id, position)
  JOIN instances AS i ON i.tenant_id = m.tenant_id AND i.instance_id = m.instance_id
 WHERE m.tenant_id = %s AND m.status = 'sent'
 ORDER BY m.position, m.campaign_id
"""
_APPLIED = "SELECT coalesce(sum(delivered + read), 0) FROM campaign_counters"
_STORED = "SELECT count(*) FROM provider_inbox"


@dataclass(frozen=True, slots=True)
class _Figure:
    """One run; seconds count from the first post, CPU is milliseconds a webhook."""

    stored_per_second: float
    applied_per_second: float
    repeated: int
    lost: int
    api_ms: float
    control_ms: float
    servers_ms: float
    api_mib: float


def _receipts(rig: Rig, short: bool) -> list[Row]:
    load = Load(2, 20, 50, 0.0) if short else Load(50, 100, 50, 0.0)
    runs = [_measure(rig, load) for _ in rig.rounds("receipts")]
    stored = spread([run.stored_per_second for run in runs])
    applied = spread([run.applied_per_second for run in runs])
    lost = sum(run.lost for run in runs)
    return [
        {
            "load": f"{load.messages + 100} messages, {' and '.join(_STATUSES)}, "
            f"{_CONNECTIONS} connections, 2 API processes",
            "stored_per_second": stored,
            "applied_per_second": applied,
            "repeated": sum(run.repeated for run in runs),
            "lost": lost,
            "api_cpu_ms": spread([run.api_ms for run in runs]),
            "control_cpu_ms": spread([run.control_ms for run in runs]),
            "servers_cpu_ms": spread([run.servers_ms for run in runs]),
            "api_mib": max(run.api_mib for run in runs),
            "bars": at_least(min(stored["median"], applied["median"]), 800),
        }
    ]


def _measure(rig: Rig, load: Load) -> _Figure:
    with stub_provider(load.latency_seconds) as url:
        settings = rig.settings(provider_url=url)
        factory = Factory(settings)
        ground = new_ground(factory, load)
        with (
            engine(settings) as processes,
            web_process("api", settings, **_PROCESSES) as (server, port),
        ):
            send_with(rig, factory, ground, load, processes)
            file = rig.folder / "webhooks"
            count = _write_webhooks(file, factory, ground.tenant.tenant_id)
            figure = _post(rig, factory, file, count, (server, port), processes[0])
    rig.drop_database(settings.database_url.get_secret_value())
    return figure


def _write_webhooks(file: Path, factory: Factory, tenant_id: int) -> int:
    sent = factory.rows(_SENT, tenant_id)
    with file.open("wb") as lines:
        for status in _STATUSES:
            for public_id, name, provider_id, phone in sent:
                jid = f"{phone}@s.whatsapp.net"
                path = f"/webhooks/evolution/{public_id}"
                lines.write(orjson.dumps([path, name, provider_id, jid, status]) + b"\n")
    return len(sent) * len(_STATUSES)


def _post(
    rig: Rig,
    factory: Factory,
    file: Path,
    count: int,
    api: tuple[psutil.Process, int],
    control: psutil.Process,
) -> _Figure:
    server, port = api
    parts = ([server], [control], rig.stores)
    before = [cpu_seconds(part) for part in parts]
    command = [
        *(sys.executable, "-m", "bench.webhook_load", str(file)),
        *("127.0.0.1", str(port), WEBHOOK_SECRET, str(_CONNECTIONS)),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
        try:
            applied_at = _wait_applied(factory, count, load)
            answer = json.loads(load.communicate(timeout=60)[0])
        finally:
            load.kill()
    spent = [
        1000 * (cpu_seconds(part) - was) / count for part, was in zip(parts, before, strict=True)
    ]
    stored = int(str(factory.value(_STORED)))
    return _Figure(
        stored_per_second=stored / (answer["ended"] - answer["began"]),
        applied_per_second=count / (max(applied_at, answer["ended"]) - answer["began"]),
        repeated=answer["repeated"],
        lost=count - stored,
        api_ms=spent[0],
        control_ms=spent[1],
        servers_ms=spent[2],
        api_mib=resident_mib([server]),
    )


def _wait_applied(factory: Factory, count: int, load: subprocess.Popen[str]) -> float:
    """The instant every receipt had raised its message.

    Raises:
        TimeoutError: the generator failed, or none came for a minute.
    """
    applied, moved_at = 0, time.monotonic()
    with factory.connect() as conn:
        while applied < count:
            row = conn.execute(_APPLIED).fetchone()
            now, seen = time.monotonic(), int(str(row[0])) if row else 0
            if seen > applied:
                applied, moved_at = seen, now
            elif load.poll() or now - moved_at > _STALLED_SECONDS:
                raise TimeoutError(f"{applied} of {count} receipts were applied")
            time.sleep(0.1)
    return moved_at


SCENARIOS = (Scenario("delivered and read", "Receipts", _receipts),)
