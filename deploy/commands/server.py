"""`rapidflow server`: REST and WebSockets in one process."""

import click


@click.command()
@click.option("--host", help="Default: HOST, else 127.0.0.1.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: PORT, else 5000.")
def server(host: str | None, port: int | None) -> None:
    """Serve REST and /ws together on one port."""
    from deploy.gunicorn.launch import launch  # other commands start without gunicorn's imports

    launch("server", "both", host=host, port=port)
