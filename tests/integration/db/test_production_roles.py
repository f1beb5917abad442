"""What deploy/docker/postgres-roles.sh makes of an empty server is enough to migrate and serve."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from deploy.local.binaries import postgres_bin
from deploy.local.servers import remove_data, start_servers
from shared.db.migrate import migrate
from shared.db.pool import APP_ROLE, check_role

SCRIPT = Path(__file__).parents[3] / "deploy/docker/postgres-roles.sh"
#: The embedded server has a role of our name already: the script runs under these.
NAMES = {"rapidflow": "production_ours", "evolution": "production_theirs"}


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Addresses of both databases as the script leaves them on a new server."""
    folder, secrets = tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("secrets")
    text = SCRIPT.read_text("utf-8")
    for name, other in NAMES.items():
        text = text.replace(name, other)
        (secrets / f"{other}_database_password").write_text(f"it's-{other}", "utf-8")
    (secrets / "roles.sh").write_text(text, "utf-8")
    with start_servers(folder, postgres_settings={"fsync": "off"}) as servers:
        root = urlsplit(servers.superuser_url)
        environment = {
            "PATH": f"{postgres_bin()}:{os.environ['PATH']}",
            "SECRETS": str(secrets),
            "POSTGRES_USER": root.username or "",
            "POSTGRES_DB": "postgres",
            "PGHOST": root.hostname or "",
            "PGPORT": str(root.port),
            "PGPASSWORD": root.password or "",
        }
        done = subprocess.run(
            ["sh", secrets / "roles.sh"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        host = f"{root.hostname}:{root.port}"
        yield {
            name: urlunsplit(("postgresql", f"{other}:it%27s-{other}@{host}", f"/{other}", "", ""))
            for name, other in NAMES.items()
        }
    remove_data(folder)


def test_our_role_migrates_and_is_bound_by_row_level_security(urls: dict[str, str]) -> None:
    assert migrate(urls["rapidflow"])[0] == "001_schema"
    with psycopg.connect(urls["rapidflow"], options=f"-c role={APP_ROLE}") as conn:
        check_role(conn)


def test_evolution_does_not_get_into_our_database(urls: dict[str, str]) -> None:
    with psycopg.connect(urls["evolution"]) as conn:
        may = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
        assert conn.execute(may).fetchone() == (False,)
    ours = urlsplit(urls["rapidflow"]).path
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(urlunsplit(urlsplit(urls["evolution"])._replace(path=ours)))
