"""Two of each, stopped and late processes, orderly ends, a rolling restart under load."""

import os
import signal
import threading
import time
from collections import Counter

import httpx

from tests.faults.case import Case
from tests.faults.registry import doubt, lease, row


@row("leaders", within=10)
def two_of_each(case: Case) -> None:
    """two of every process"""
    rig = case.rig
    for name in ("worker-2", "control-2", "beat-2"):
        rig.start(name)
    second = rig.start_server("server-2")
    rig.sandbox.tune(latency_ms=50)
    for _ in range(4):
        case.campaign(60)
        case.expect(second.get("/api/campaigns").status_code == 200, "the second API is deaf")
    case.healed()


@row("leaders", within=doubt, short=True)
def worker_stopped_past_its_lease(case: Case) -> None:
    """worker stopped (SIGSTOP) past its lease, then woken"""
    rig = case.rig
    rig.sandbox.tune(latency_ms=100)
    case.campaign(60)
    case.wait_sent(6)
    worker = rig.stack.processes["worker"].pid
    os.kill(worker, signal.SIGSTOP)
    rig.start("worker-2")
    time.sleep(rig.times.open_call + rig.times.lease + 3)
    os.kill(worker, signal.SIGCONT)
    case.healed()
    case.max_doubts = 4


@row("leaders", within=lease)
def control_stopped(case: Case) -> None:
    """control stopped (SIGSTOP) for 8 s in the middle, another takes over"""
    rig = case.rig
    rig.sandbox.tune(latency_ms=100)
    rig.start("control-2")
    case.campaign(60)
    case.wait_sent(6)
    control = rig.stack.processes["control"].pid
    os.kill(control, signal.SIGSTOP)
    time.sleep(8)
    os.kill(control, signal.SIGCONT)
    case.healed()


@row("deploy", within=10)
def worker_drained(case: Case) -> None:
    """SIGTERM of a worker: hands back, finishes what is open, exits 0"""
    rig = case.rig
    rig.sandbox.tune(latency_ms=200)
    case.campaign(60)
    case.wait_sent(4)
    began = time.monotonic()
    code = rig.stack.stop("worker")
    case.note(f"drained in {time.monotonic() - began:.1f} s")
    case.expect(code == 0, f"exit code {code}")
    held = rig.rows(
        "SELECT 1 FROM messages WHERE status IN ('leased', 'sending') AND campaign_id = ANY(%s)",
        case.ids,
    )
    # A batch still in the queue may be leased; nothing may be sending.
    case.note(f"{len(held)} leased in the queue")
    rig.start("worker")
    case.healed()


@row("deploy", within=10)
def rolling_restart(case: Case) -> None:
    """rolling restart of every process under load"""
    rig = case.rig
    rig.sandbox.tune(latency_ms=50)
    rig.start("worker-2")
    rig.start("control-2")
    clients = {"server": rig.client, "server-2": rig.start_server("server-2")}
    ready = dict.fromkeys(clients, True)
    asked: Counter[str] = Counter()
    over = threading.Event()

    def balance() -> None:
        """A balancer: asks whoever is not being restarted; every failure counts."""
        at = 0
        while not over.is_set():
            at += 1
            names = [name for name in clients if ready[name]]
            name = names[at % len(names)]
            try:
                answer = clients[name].get("/api/campaigns?limit=1")
                asked["good" if answer.status_code == 200 else "bad"] += 1
            except httpx.HTTPError as error:
                asked[repr(error)] += 1
            time.sleep(0.02)

    load = threading.Thread(target=balance)
    for _ in range(3):
        case.campaign(120)
    load.start()
    try:
        for name in ("worker", "worker-2", "control", "control-2", "beat"):
            code = rig.stack.stop(name)
            case.expect(code == 0, f"{name} exited with {code}")
            rig.start(name)
            time.sleep(1)
        for name in clients:
            ready[name] = False
            time.sleep(0.3)
            code = rig.stack.stop(name)
            case.expect(code == 0, f"{name} exited with {code}")
            port = str(clients[name].base_url.port)
            rig.start(name, PORT=port, PUBLIC_URL=rig.stack.environment["PUBLIC_URL"])
            rig.wait_answering(clients[name])
            ready[name] = True
        case.campaign(20)
    finally:
        over.set()
        load.join()
    case.healed()
    case.note(f"{asked['good']} requests answered meanwhile")
    failed = {what: count for what, count in asked.items() if what != "good"}
    case.expect(not failed, f"failed requests: {failed}")
