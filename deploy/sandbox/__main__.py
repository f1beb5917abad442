"""`python -m deploy.sandbox`: an Evolution API 2.3.7 to develop, test and demonstrate against."""

import asyncio
import gc
import logging
import signal
import sys
from pathlib import Path
from typing import Any

import click
import uvloop

from deploy.sandbox.server import running
from deploy.sandbox.tuning import Config, Tuning

_SHARE = click.FloatRange(0, 1)
_TIME = click.FloatRange(min=0)


async def _serve(config: Config, tuning: Tuning) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with running(config, tuning) as (url, _world):
        click.echo(f"sandbox listening on {url}")
        sys.stdout.flush()
        await stop.wait()


@click.command(context_settings={"auto_envvar_prefix": "SANDBOX", "show_default": True})
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", default=8085, type=int, help="0 takes a free port.")
@click.option("--api-key", required=True, help="The global key.")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), default=None)
@click.option("--latency-ms", default=0.0, type=_TIME, help="Time every send takes.")
@click.option("--ack-delay-ms", default=500.0, type=_TIME, help="Time to the first ack.")
@click.option("--reply-share", default=0.05, type=_SHARE, help="Share of messages answered.")
@click.option("--read-share", default=0.6, type=_SHARE, help="Share of messages read.")
@click.option("--connect-after-ms", default=1500.0, type=_TIME, help="From QR code to open.")
@click.option("--webhook-retry-ms", default=5000.0, type=_TIME, help="First pause; doubles.")
@click.option("--seed", type=int, default=None, help="Makes shares and probabilities repeat.")
@click.option("--quiet", is_flag=True, help="Log errors only.")
def main(
    host: str,
    port: int,
    api_key: str,
    data_dir: Path | None,
    seed: int | None,
    *,
    quiet: bool,
    **knobs: Any,
) -> None:
    """Simulate Evolution API 2.3.7, and a language model under /v1. Nothing reaches a phone."""
    logging.basicConfig(level=logging.ERROR if quiet else logging.INFO)
    gc.set_threshold(50_000, 20, 100)  # rows live long: full collections would dominate
    config = Config(
        api_key=api_key, host=host, port=port, data_dir=data_dir, seed=seed, quiet=quiet
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config, Tuning(**knobs)))


if __name__ == "__main__":
    main()
