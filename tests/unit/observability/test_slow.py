"""Slow operations are told of by name, and not in a flood."""

import pytest

from shared.db.campaigns import list_reasons
from shared.db.pool import APP_ROLE, make_pool
from shared.observability import slow
from shared.observability.slow import note_duration, timed
from shared.settings import PoolSettings, SlowSettings


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What is logged, with thresholds of this test's own."""
    found: list[dict[str, object]] = []

    class Log:
        @staticmethod
        def warning(event: str, **fields: object) -> None:
            found.append({"event": event, **fields})

    limits = SlowSettings(request_seconds=1, statement_seconds=0, quiet_seconds=60)
    monkeypatch.setattr(slow, "log", Log)
    monkeypatch.setattr(slow, "slow_limits", lambda: limits)
    monkeypatch.setattr(slow, "_told", slow._Told())
    return found


def test_only_what_is_slower_than_its_kind_may_be_is_told(lines: list[dict[str, object]]) -> None:
    note_duration("request", "GET /a", 0.9)
    note_duration("request", "GET /a", 1.5, status=200)
    assert lines == [
        {
            "event": "slow_operation",
            "operation": "GET /a",
            "kind": "request",
            "seconds": 1.5,
            "untold": 0,
            "status": 200,
        }
    ]


def test_the_same_operation_is_told_of_once_in_a_while(
    lines: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(100):
        note_duration("request", "GET /a", 2)
    note_duration("request", "GET /b", 2)
    assert [line["operation"] for line in lines] == ["GET /a", "GET /b"]
    soon = SlowSettings(request_seconds=1, quiet_seconds=0)
    monkeypatch.setattr(slow, "slow_limits", lambda: soon)
    note_duration("request", "GET /a", 2)
    assert lines[-1]["untold"] == 99


def test_a_slow_statement_is_told_by_the_name_of_its_block(
    lines: list[dict[str, object]], database_url: str
) -> None:
    pool = make_pool(database_url, APP_ROLE, PoolSettings(), size=1, name="slow")
    with pool, pool.connection() as conn:
        conn.execute("SELECT set_config('app.tenant', '1', true)")
        list_reasons(conn, 1, 4242)
    told = [line["operation"] for line in lines]
    assert "campaigns.errors" in told
    assert "statement" in told
    assert "4242" not in str(lines)


def test_a_block_that_raises_is_timed_too(lines: list[dict[str, object]]) -> None:
    with pytest.raises(ValueError, match="x"), timed("statement", "campaigns.errors"):
        raise ValueError("x")
    assert lines[0]["operation"] == "campaigns.errors"
