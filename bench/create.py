"""Campaigns of thousands of contacts through the real API, one at a time and several at once."""

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import orjson
import psutil

from bench.figures import at_most, spread
from bench.processes import resident_mib
from bench.rig import Rig
from bench.scenario import Row, Scenario
from bench.web import api_key, web_process
from tests.factories import Factory

_GROUP = "Creating campaigns"
_CONTACTS, _SHORT_CONTACTS = 10_000, 200
_MOST_SECONDS, _MOST_MIB = 1.0, 300.0
_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_TEXT = "Olá {{primeiro_nome}}, em {{cidade}} o {{produto}} custa R$ {{valor}}."


def _create(rig: Rig, short: bool) -> list[Row]:
    contacts = _SHORT_CONTACTS if short else _CONTACTS
    settings = rig.settings()
    factory = Factory(settings)
    key = api_key(factory, factory.tenant())
    with web_process("api", settings) as (api, port), _client(port, key) as client:
        _post(client, _body(10))  # what opens on first use is open
        rows = [
            _row(rig, client, api, contacts, at_once=at_once)
            for at_once in ((1, 2) if short else (1, 5))
        ]
    rig.drop_database(settings.database_url.get_secret_value())
    return rows


def _row(rig: Rig, client: httpx.Client, api: psutil.Process, contacts: int, at_once: int) -> Row:
    name = f"{at_once} × {contacts:,} contacts"
    slowest, peaks = [], []
    for _ in rig.rounds(name):
        bodies = [_body(contacts) for _ in range(at_once)]
        with _watched(api) as peak, ThreadPoolExecutor(at_once) as pool:
            slowest.append(max(pool.map(lambda body: _post(client, body), bodies)))
        peaks.append(peak[0])
    seconds, memory = spread(slowest), spread(peaks)
    return {
        "load": name,
        "seconds_until_all_have_answered": seconds,
        "api_peak_pss_mib": memory,
        "seconds_bar": at_most(seconds["median"], _MOST_SECONDS) if at_once == 1 else None,
        "memory_bar": at_most(memory["max"], _MOST_MIB),
    }


def _body(contacts: int) -> bytes:
    """A list as a marketer's spreadsheet has it: phones as people write them, three columns."""
    rows = [
        {
            "nome": f"Maria da Conceição {number}",
            "telefone": f"(11) 9{8000 + number // 10_000:04d}-{number % 10_000:04d}",
            "cidade": "São Paulo",
            "produto": f"Plano {number % 7}",
            "valor": round(19.9 + number % 50, 2),
        }
        for number in range(contacts)
    ]
    name = f"Carga {secrets.token_hex(3)}"
    return orjson.dumps({"name": name, "contacts": rows, "config": {"systemPrompt": _TEXT}})


def _client(port: int, key: str) -> httpx.Client:
    return httpx.Client(
        base_url=f"http://127.0.0.1:{port}",
        headers={"X-API-Key": key, "Content-Type": "application/json"},
        timeout=_PATIENCE_SECONDS,
    )


def _post(client: httpx.Client, body: bytes) -> float:
    """Seconds until it was created; whatever else is answered ends the run."""
    began = time.perf_counter()
    answer = client.post("/api/campaigns", content=body)
    answer.raise_for_status()
    return time.perf_counter() - began


@contextlib.contextmanager
def _watched(process: psutil.Process) -> Iterator[list[float]]:
    """The most memory (PSS, MiB) it and its children had at any look inside the block."""
    peak = [0.0]
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            peak[0] = max(peak[0], resident_mib([process]))
            over.wait(_LOOK_SECONDS)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


SCENARIOS = (Scenario("lists of 10,000 contacts through the API", _GROUP, _create),)
