"""`rapidflow gateway`: WebSockets under gunicorn."""

import click


@click.command()
@click.option("--host", help="Default: HOST, else 127.0.0.1.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: PORT, else 5000.")
def gateway(host: str | None, port: int | None) -> None:
    """Serve /ws: live updates, thousands of idle sockets."""
    from deploy.gunicorn.launch import launch  # other commands start without gunicorn's imports

    launch("gateway", "sockets", host=host, port=port)
