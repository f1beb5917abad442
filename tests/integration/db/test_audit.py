"""The audit log: appended to, chained, and found out when it was changed."""

import json
import threading
from collections.abc import Callable
from importlib import resources

import psycopg
import pytest
from click.testing import CliRunner

from deploy.commands.audit import audit as command
from shared.db import audit
from shared.settings import Settings
from tests.factories import Factory


@pytest.fixture
def factory(settings_for: Callable[..., Settings]) -> Factory:
    return Factory(settings_for())


def write(factory: Factory, tenant_id: int, count: int, role: str = "rapidflow_engine") -> None:
    with factory.connect(role) as conn:
        for number in range(count):
            with conn.transaction():
                conn.execute("SELECT set_config('app.tenant', %s, true)", (str(tenant_id),))
                detail = {"n": number, "ç": [1.5, None]}
                audit.record(
                    conn, tenant_id, actor="user:1", action="x", subject="y", detail=detail
                )  # type: ignore[arg-type]


def chains(factory: Factory) -> dict[int, tuple[int, int | None]]:
    with factory.connect() as conn:
        return {c.tenant_id: (c.lines, c.broken_at) for c in audit.verify(conn)}  # type: ignore[arg-type]


def as_owner(factory: Factory, statement: str) -> None:
    """What somebody with the owner's password can do."""
    with factory.connect("none") as conn:
        conn.execute("ALTER TABLE audit_log NO FORCE ROW LEVEL SECURITY")
        conn.execute(statement)  # type: ignore[call-overload]


def test_lines_written_at_once_make_one_chain_per_tenant(factory: Factory) -> None:
    first, second = factory.tenant().tenant_id, factory.tenant().tenant_id
    roles = ("rapidflow_app", "rapidflow_engine", "rapidflow_app")
    writers = [
        threading.Thread(target=write, args=(factory, tenant_id, 20, role))
        for role in roles
        for tenant_id in (first, second)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert chains(factory) == {first: (60, None), second: (60, None)}


@pytest.mark.parametrize("role", ["rapidflow_app", "rapidflow_engine"])
def test_no_role_of_ours_changes_or_deletes_a_line(factory: Factory, role: str) -> None:
    tenant_id = factory.tenant().tenant_id
    write(factory, tenant_id, 1)
    for statement in ("UPDATE audit_log SET actor = 'z'", "DELETE FROM audit_log"):
        with factory.connect(role) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(statement)


@pytest.mark.parametrize(
    ("tampering", "broken_at"),
    [
        ("UPDATE audit_log SET actor = 'user:2' WHERE number = 3", 3),
        ("UPDATE audit_log SET detail = '{}' WHERE number = 2", 2),
        ("UPDATE audit_log SET at = at + interval '1 us' WHERE number = 5", 5),
        ("DELETE FROM audit_log WHERE number = 2", 2),
        ("DELETE FROM audit_log WHERE number = 1", 1),
    ],
)
def test_a_line_changed_or_taken_out_breaks_the_chain(
    factory: Factory, tampering: str, broken_at: int
) -> None:
    tenant_id = factory.tenant().tenant_id
    write(factory, tenant_id, 6)
    assert chains(factory)[tenant_id] == (6, None)
    as_owner(factory, tampering)
    assert chains(factory)[tenant_id][1] == broken_at


def test_a_part_of_the_log_is_verified_by_itself(factory: Factory) -> None:
    tenant_id = factory.tenant().tenant_id
    write(factory, tenant_id, 6)
    as_owner(factory, "UPDATE audit_log SET actor = 'user:2' WHERE number IN (1, 5)")
    with factory.connect() as conn:
        for newest, broken_at in ((1, None), (2, 5), (None, 1)):
            (chain,) = audit.verify(conn, newest=newest)  # type: ignore[arg-type]
            assert chain.broken_at == broken_at


def test_lines_from_before_the_chain_are_chained_in_the_order_they_came(factory: Factory) -> None:
    first, second = factory.tenant().tenant_id, factory.tenant().tenant_id
    for tenant_id in (first, second, first):
        write(factory, tenant_id, 2)
    source = next(
        migration.read_text()
        for migration in resources.files("migrations").iterdir()
        if migration.name.endswith("_doubts.sql")
    )
    filling = source[source.index("DO $backfill$") : source.index("$backfill$;")] + "$backfill$;"
    as_owner(factory, "UPDATE audit_log SET number = -audit_id, prev_hash = '', hash = ''")
    as_owner(factory, filling)
    assert chains(factory) == {first: (4, None), second: (2, None)}


def test_the_command_says_where_it_broke(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = factory.settings
    for name, value in {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "EVOLUTION_API_URL": settings.evolution_api_url,
        "EVOLUTION_API_KEY": settings.evolution_api_key.get_secret_value(),
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "ENCRYPTION_KEY": settings.encryption_key.get_secret_value(),
    }.items():
        monkeypatch.setenv(name, value)
    tenant_id = factory.tenant().tenant_id
    write(factory, tenant_id, 3)
    whole = CliRunner().invoke(command, ["verify", "--json"])
    assert whole.exit_code == 0, whole.output
    (chain,) = json.loads(whole.stdout)["chains"]
    assert (chain["lines"], chain["broken_at"], len(chain["last_hash"])) == (3, None, 64)
    as_owner(factory, "UPDATE audit_log SET subject = 'w' WHERE number = 2")
    broken = CliRunner().invoke(command, ["verify"])
    assert broken.exit_code == 1
    assert broken.stdout == f"tenant {tenant_id}: BROKEN at line 2\n"
