"""`make bench`: the send path beside a bare client loop, measured in the same run, as a table and
JSON. Figures of one machine at one moment: read the ratios."""

import argparse
import base64
import json
import secrets
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.processes import stub_provider
from bench.send_path import Figure, Load, bare_client, product, spread
from deploy.local.servers import RunningServers, remove_data, start_servers
from shared.db.migrate import migrate
from shared.settings import Settings, load_settings

_LOADS = (
    Load(50, 200, 50, 0.0),
    Load(50, 200, 50, 0.0, workers=2),
    Load(50, 200, 2, 0.3),
    Load(1, 1000, 50, 0.0),
)
_SHORT = (Load(5, 40, 10, 0.0),)


def main() -> int:
    """Run every load `--runs` times after a warm-up; exit 0 when all were measured."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="one small run: does it still work?")
    parser.add_argument("--out", type=Path, default=Path("bench/results"))
    given = parser.parse_args()
    loads, runs = (_SHORT, 1) if given.short else (_LOADS, given.runs)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="rapidflow-bench-") as folder:
        data = Path(folder) / "servers"
        with start_servers(data) as servers:
            migrate(servers.database_url)
            results = [_run(load, runs, servers, Path(folder), console) for load in loads]
        remove_data(data)
    _show(results, console)
    given.out.mkdir(parents=True, exist_ok=True)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    (given.out / name).write_text(json.dumps(results, indent=2), "utf-8")
    console.print(f"Written to {given.out / name}")
    return 0


def _settings(servers: RunningServers, url: str, folder: Path) -> Settings:
    return load_settings(
        database_url=servers.database_url,
        redis_url=servers.redis_url,
        evolution_api_url=url,
        evolution_api_key="bench",
        jwt_secret=secrets.token_hex(32),
        encryption_key=base64.b64encode(b"k" * 32).decode(),
        log_dir=folder / "logs",
        environment=f"bench-{secrets.token_hex(3)}",
        _env_file=None,
    )


def _run(
    load: Load, runs: int, servers: RunningServers, folder: Path, console: Console
) -> dict[str, object]:
    bare: list[tuple[float, float]] = []
    ours: list[Figure] = []
    for number in range(runs):
        with console.status(f"{load.name}: run {number + 1} of {runs}"):
            bare.append(bare_client(load))
            with stub_provider(load.latency_seconds) as url:
                ours.append(product(load, _settings(servers, url, folder), servers))
    lanes = load.campaigns * load.in_flight
    allowed = lanes / load.latency_seconds if load.latency_seconds else None
    steady = spread([figure.steady_per_second for figure in ours])
    return {
        "load": load.name,
        "steady_per_second": steady,
        "per_second": spread([figure.per_second for figure in ours]),
        "cpu_milliseconds": spread([figure.cpu_milliseconds for figure in ours]),
        "peak_mib": spread([figure.peak_mib for figure in ours]),
        "bare_per_second": spread([one[0] for one in bare]),
        "bare_cpu_milliseconds": spread([one[1] for one in bare]),
        "of_bare": steady["median"] / spread([one[0] for one in bare])["median"],
        "of_allowed": steady["median"] / allowed if allowed else None,
    }


def _show(results: list[dict[str, object]], console: Console) -> None:
    heads = ("load", "msg/s (min–max)", "CPU ms/msg", "bare msg/s", "of bare", "of allowed", "MiB")
    table = Table(*heads)
    for result in results:
        steady, bare = _dict(result["steady_per_second"]), _dict(result["bare_per_second"])
        allowed = result["of_allowed"]
        table.add_row(
            str(result["load"]),
            f"{steady['median']:.0f} ({steady['min']:.0f}–{steady['max']:.0f})",
            f"{_dict(result['cpu_milliseconds'])['median']:.2f}",
            f"{bare['median']:.0f}",
            f"{result['of_bare']:.2f}",
            f"{allowed:.2f}" if isinstance(allowed, float) else "–",
            f"{_dict(result['peak_mib'])['max']:.0f}",
        )
    console.print(table)


def _dict(value: object) -> dict[str, float]:
    assert isinstance(value, dict)
    return value


if __name__ == "__main__":
    sys.exit(main())
