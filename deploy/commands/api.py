"""`rapidflow api`: REST under gunicorn."""

import click


@click.command()
@click.option("--host", help="Default: HOST, else 127.0.0.1.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: PORT, else 5000.")
def api(host: str | None, port: int | None) -> None:
    """Serve REST, OpenAPI, the console and provider webhooks."""
    from deploy.gunicorn.launch import launch  # other commands start without gunicorn's imports

    launch("api", "rest", host=host, port=port)
