"""The package as it is installed in production: a wheel, nothing of the checkout beside it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from shared.settings import Settings
from tests.variables import environment_of

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "worker", "shared", "deploy", "migrations")
#: Read by other programs than ours: they are in the image's neighbours, not in the package.
_BESIDE = {"docker", "nginx", "helm", "prometheus", "grafana"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder a wheel of this checkout was installed into."""
    source = tmp_path_factory.mktemp("source")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "celery_config.py"):
        shutil.copy(ROOT / name, source)
    wheels, target = source / "wheels", source / "installed"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, source]
    subprocess.run([*pip, *build], check=True, capture_output=True)
    (wheel,) = wheels.glob("rapidflow-*.whl")
    install = ["install", "--no-deps", "--no-index", "--target", target, wheel]
    subprocess.run([*pip, *install], check=True, capture_output=True)
    return target


def test_everything_a_package_reads_is_in_the_wheel(installed: Path) -> None:
    wanted = {
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    wanted = {path for path in wanted if not _BESIDE & set(path.parts[:2])}
    assert len(wanted) > 300
    assert [str(path) for path in sorted(wanted) if not (installed / path).is_file()] == []


def test_the_command_works_from_a_wheel(
    installed: Path, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = settings_for()
    url = settings.database_url.get_secret_value()
    with psycopg.connect(url) as conn:
        conn.execute("TRUNCATE _yoyo_migration, _yoyo_log")  # as if nothing had been applied
    pending = _rapidflow(installed, tmp_path, settings, "migrate", "--check", "--json")
    assert "001_schema" in pending
    assert len(pending.split(",")) == len(list((ROOT / "migrations").glob("0*.sql")))
    assert "sandbox" in _rapidflow(installed, tmp_path, settings, "up", "--help")


def test_what_is_read_at_start_is_found_in_a_wheel(
    installed: Path, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    """Queries, Lua, the documentation's page: a process reads them from the package."""
    script = (
        "import deploy, api.app, shared.coordination.gateways, shared.coordination.rate_limit;"
        "import worker.app, deploy.sandbox.page; from shared.settings import settings;"
        "app = api.app.create_app(settings(), sockets=True); client = app.test_client();"
        "print(deploy.__file__, *(client.get(at).status_code for at in ('/docs', '/openapi.json')))"
    )
    said = _python(installed, tmp_path, settings_for(), "-c", script)
    assert said.split() == [str(installed / "deploy" / "__init__.py"), "200", "200"]


def _rapidflow(installed: Path, folder: Path, settings: Settings, *arguments: str) -> str:
    return _python(installed, folder, settings, "-m", "deploy.cli", *arguments)


def _python(installed: Path, folder: Path, settings: Settings, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(installed),
        **environment_of(settings),
        "LOG_DIR": str(folder),
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout
