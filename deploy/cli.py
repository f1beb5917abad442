"""The `rapidflow` command: the one place that knows every part."""

import click


@click.group()
def main() -> None:
    """WhatsApp campaigns through the Evolution API."""
