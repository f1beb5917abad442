"""Become gunicorn: checks first, so that what is wrong is said in one sentence."""

import os
import resource
import shutil
import sys
from typing import Final, NoReturn

import click

from deploy.local.ports import refusal
from shared.errors import SettingsError
from shared.settings import Settings, load_settings

_BESIDES: Final = 512  # files a web process has open besides its sockets


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
    if service == "gateway":
        _make_room(settings.gateway.sockets_per_process)
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


def _make_room(sockets: int) -> None:
    """A file for each socket: many systems let a process open 1,024 unless it asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = sockets + _BESIDES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    given = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (given, hard))
    if given < wanted:
        click.echo(
            f"This system allows a process {given} open files: room for about {given - _BESIDES}"
            f" sockets, not {sockets} (ulimit -n, LimitNOFILE).",
            err=True,
        )
