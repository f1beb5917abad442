"""The embedded PostgreSQL and Valkey, for real: start, stop, crash, and who may see what."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local.errors import LocalError
from deploy.local.ports import LOOPBACK
from deploy.local.secrets import load_ports
from deploy.local.servers import RunningServers, remove_data, start_servers

QUICK = {"fsync": "off"}
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux")
NOBODY = 65534

DRIVER = """
import pathlib, sys, time
from deploy.local.servers import start_servers
servers = start_servers(pathlib.Path(sys.argv[1]), postgres_settings={"fsync": "off"})
print(servers.postgres_pid, servers.valkey_pid, flush=True)
if sys.argv[2] == "stay":
    time.sleep(60)
servers.stop()
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """One data folder for the module: most tests only start it again."""
    folder = Path(tempfile.mkdtemp(prefix="rapidflow-test-"))
    folder.chmod(0o711)
    start_servers(folder / "data", postgres_settings=QUICK).stop()
    yield folder / "data"
    remove_data(folder / "data")
    shutil.rmtree(folder)


@pytest.fixture
def servers(home: Path) -> Iterator[RunningServers]:
    with start_servers(home, postgres_settings=QUICK) as running:
        yield running


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def wait_gone(pids: list[int], seconds: float = 5) -> list[int]:
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if is_alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def is_alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def test_the_application_owns_its_database_and_no_more(servers: RunningServers) -> None:
    roles = "SELECT rolsuper, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = user"
    assert query(servers.database_url, roles) == [(False, True, False)]
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert query(servers.database_url, owner) == [("rapidflow_owner",)]
    assert query(servers.superuser_url, roles)[0][0] is True
    assert query(servers.database_url, "SHOW synchronous_commit") == [("on",)]
    assert query(servers.database_url, "SHOW fsync") == [("off",)]
    assert query(servers.database_url, "SHOW server_encoding") == [("UTF8",)]


def test_both_ask_for_a_password_and_listen_on_loopback_only(servers: RunningServers) -> None:
    database = psycopg.conninfo.conninfo_to_dict(servers.database_url)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(psycopg.conninfo.make_conninfo(servers.database_url, password="x"))
    valkey_port = psutil.Process(servers.valkey_pid).net_connections()[0].laddr.port
    never_again = Retry(NoBackoff(), 0)
    with (
        redis.Redis(host=LOOPBACK, port=valkey_port, retry=never_again) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()
    for pid in (servers.postgres_pid, servers.valkey_pid):
        listening = [c.laddr.ip for c in psutil.Process(pid).net_connections() if not c.raddr]
        assert listening == [LOOPBACK]
    assert database["host"] == LOOPBACK


def test_a_second_start_is_quick_and_keeps_the_data_and_the_ports(home: Path) -> None:
    with start_servers(home, postgres_settings=QUICK) as first:
        query(first.database_url, "CREATE TABLE kept AS SELECT 7 AS x")
        with redis.Redis.from_url(first.redis_url) as client:
            client.set("kept", "7")
    begin = time.monotonic()
    with start_servers(home, postgres_settings=QUICK) as second:
        assert time.monotonic() - begin < 5
        assert query(second.database_url, "SELECT x FROM kept") == [(7,)]
        with redis.Redis.from_url(second.redis_url) as client:
            assert client.get("kept") == b"7"
        query(second.database_url, "DROP TABLE kept")
        assert (second.database_url, second.redis_url) == (first.database_url, first.redis_url)


def test_a_taken_port_is_replaced(home: Path) -> None:
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind((LOOPBACK, load_ports(home)["postgres"]))
        thief.listen()
        with start_servers(home, postgres_settings=QUICK) as running:
            assert query(running.database_url, "SELECT 1") == [(1,)]


def test_a_port_lost_between_look_and_start_is_replaced(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as thief:
        thief.bind((LOOPBACK, 0))
        thief.listen()
        stolen = iter([thief.getsockname()[1]] * 2)
        real = sys.modules["deploy.local.ports"].free_port
        monkeypatch.setattr(
            "deploy.local.servers.free_port", lambda _known: next(stolen, None) or real()
        )
        with start_servers(home, postgres_settings=QUICK) as running:
            assert query(running.database_url, "SELECT 1") == [(1,)]


def test_a_second_start_on_the_same_folder_is_refused(home: Path, servers: RunningServers) -> None:
    with pytest.raises(LocalError, match=rf"already running here \(pid {os.getpid()}\)"):
        start_servers(home)
    with pytest.raises(LocalError, match="already running here"):
        remove_data(home)
    assert query(servers.database_url, "SELECT 1") == [(1,)]


@LINUX
def test_nothing_outlives_a_killed_parent_and_the_data_survives(home: Path) -> None:
    command = [sys.executable, "-c", DRIVER, str(home), "stay"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        family = [child.pid for child in psutil.Process(parent.pid).children(recursive=True)]
        assert len(family) > 5
        parent.kill()
    assert wait_gone(family) == []
    with start_servers(home, postgres_settings=QUICK) as running:
        assert query(running.database_url, "SELECT 1") == [(1,)]


def test_a_postgres_left_behind_is_ended_in_order(home: Path) -> None:
    """As on a system without prctl: the starter died, the server did not."""
    with start_servers(home, postgres_settings=QUICK) as running:
        command = psutil.Process(running.postgres_pid).cmdline()
    uid = (home / "postgres/data").stat().st_uid
    with subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, user=uid) as left_behind:
        pid_file = home / "postgres/data/postmaster.pid"
        deadline = time.monotonic() + 10
        while not pid_file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with start_servers(home, postgres_settings=QUICK) as running:
            assert left_behind.wait(1) == 0
            assert running.postgres_pid != left_behind.pid


def test_a_pid_file_that_names_somebody_else_harms_nobody(home: Path) -> None:
    """Numbers are used again: after a crash the pid may be anybody's, here a bystander's."""
    uid = (home / "postgres/data").stat().st_uid
    with subprocess.Popen(["sleep", "60"], user=uid) as bystander:
        for pid_file in (home / "postgres/data/postmaster.pid", home / "valkey/valkey.pid"):
            pid_file.write_text(f"{bystander.pid}\n{home}/postgres/data\n")
        with start_servers(home, postgres_settings=QUICK) as running:
            assert query(running.database_url, "SELECT 1") == [(1,)]
            assert bystander.poll() is None
        bystander.kill()


def test_data_of_another_major_is_refused(home: Path) -> None:
    version = home / "postgres/data/PG_VERSION"
    ours = version.read_text()
    version.write_text("15\n")
    try:
        with pytest.raises(LocalError, match=r"is PostgreSQL 15, this is PostgreSQL \d+"):
            start_servers(home)
    finally:
        version.write_text(ours)


def test_lost_passwords_are_one_sentence(home: Path) -> None:
    secrets = home / "secrets.json"
    ours = secrets.read_text()
    secrets.unlink()
    try:
        with pytest.raises(LocalError, match=r"secrets\.json are not those"):
            start_servers(home, postgres_settings=QUICK)
    finally:
        secrets.write_text(ours)


def test_settings_postgres_does_not_know_are_said_by_name(home: Path) -> None:
    with pytest.raises(LocalError, match=r"did not start.*no_such_setting"):
        start_servers(home, postgres_settings={"no_such_setting": "1"})


@ROOT
@LINUX
def test_a_full_disk_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(tempfile.mkdtemp(prefix="rapidflow-test-"))
    folder.chmod(0o711)
    mounted = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0711", "tmpfs", str(folder)]
    if subprocess.run(mounted, capture_output=True).returncode != 0:
        folder.rmdir()
        pytest.skip("may not mount")
    try:
        with pytest.raises(LocalError, match="No disk space left"):
            start_servers(folder / "data")
        monkeypatch.setattr("deploy.local.folder.TO_BEGIN", 0)  # it filled up meanwhile
        with pytest.raises(LocalError, match="No disk space left for PostgreSQL"):
            start_servers(folder / "data")
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


@ROOT
def test_below_a_private_folder_root_s_cluster_works_and_stays_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    data_dir = tmp_path / "my clone #1" / ".rapidflow"
    with start_servers(data_dir, postgres_settings=QUICK) as running:
        assert query(running.database_url, "SELECT 1") == [(1,)]
    outside = Path((data_dir / "postgres.location").read_text().strip())
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert stat.S_IMODE(outside.stat().st_mode) == 0o700
    remove_data(data_dir)
    assert not outside.exists()
    assert not data_dir.exists()


@ROOT
@LINUX
def test_an_ordinary_user_below_a_private_folder(ordinary: Callable[..., list[str]]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="rapidflow-test-"))  # 0700
    os.chown(folder, NOBODY, NOBODY)
    try:
        started = subprocess.run(
            ordinary("-c", DRIVER, folder / "data", "stop"),
            user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": python_path()},
        )  # fmt: skip
        assert started.returncode == 0, started.stderr
        assert wait_gone([int(pid) for pid in started.stdout.split()]) == []
        assert (folder / "data").stat().st_uid == NOBODY
        assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
    finally:
        shutil.rmtree(folder)


def python_path() -> str:
    site = Path(psycopg.__file__).parent.parent
    return f"{Path(__file__).parents[2]}:{site}"


@pytest.fixture
def ordinary() -> Callable[..., list[str]]:
    """The command line of an interpreter like ours that an ordinary user may run."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        with suppress(OSError):
            done = subprocess.run(
                [candidate, "-c", "import psycopg, psutil, deploy.local.servers"],
                user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", capture_output=True,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": python_path()},
            )  # fmt: skip
            if done.returncode == 0:
                return lambda *arguments: [candidate, *map(str, arguments)]
    pytest.skip("no interpreter an ordinary user may run")


def test_stopping_ends_both(home: Path) -> None:
    running = start_servers(home, postgres_settings=QUICK)
    running.stop()
    assert wait_gone([running.postgres_pid, running.valkey_pid], 0) == []
    running.stop()  # twice is fine


def test_valkey_keeps_what_it_said_yes_to_when_killed(home: Path) -> None:
    with start_servers(home, valkey_settings={"appendfsync": "always"}) as running:
        with redis.Redis.from_url(running.redis_url) as client:
            client.set("survivor", "1")
        os.kill(running.valkey_pid, signal.SIGKILL)
    with (
        start_servers(home, postgres_settings=QUICK) as running,
        redis.Redis.from_url(running.redis_url) as client,
    ):
        assert client.get("survivor") == b"1"
