"""Become gunicorn: checks first, so that what is wrong is said in one sentence."""

import os
import shutil
import sys
from typing import NoReturn

import click

from deploy.local.ports import refusal
from shared.errors import SettingsError
from shared.settings import Settings, load_settings


def launch(service: str, factory: str, *, host: str | None, port: int | None) -> NoReturn:
    """Replace this process by gunicorn serving `api.wsgi:<factory>()`.

    Raises:
        click.ClickException: a setting is missing or wrong, or the port is taken.
    """
    if host is not None:
        os.environ["HOST"] = host
    if port is not None:
        os.environ["PORT"] = str(port)
    os.environ["RAPIDFLOW_SERVICE"] = service
    try:
        settings = load_settings()
    except SettingsError as exc:
        raise click.ClickException(str(exc)) from exc
    if reason := refusal(settings.port, settings.host):
        raise click.ClickException(
            f"Port {settings.port} on {settings.host} {reason}: stop what listens there, "
            f"or choose another one: rapidflow {service} --port {settings.port + 1}"
        )
    _prepare_metrics(settings, service)
    sys.stdout.flush()
    sys.stderr.flush()
    config = f"python:deploy.gunicorn.{service}"
    os.execv(  # noqa: S606
        sys.executable,
        [sys.executable, "-m", "gunicorn", "-c", config, f"api.wsgi:{factory}()"],
    )


def _prepare_metrics(settings: Settings, service: str) -> None:
    """Several workers share files of counters; one worker needs none."""
    if settings.http.workers == 1:
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
        return
    folder = settings.data_dir.absolute() / "metrics" / f"{service}-{settings.port}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
