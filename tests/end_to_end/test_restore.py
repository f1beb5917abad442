"""Backup in mid-campaign, all is lost, a fresh server restored: nobody is written to twice."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from shared.settings import Settings
from tests.end_to_end.stack import running_stack, sending_stack
from tests.sandbox_process import Sandbox

PEOPLE = 30


def rapidflow(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli", *words],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def numbers(sandbox: Sandbox) -> list[str]:
    """Of everybody written to, none twice."""
    found = [entry["number"] for entry in sandbox.ledger()]
    assert len(found) == len(set(found)), "somebody was written to twice"
    return found


def wait_for(sandbox: Sandbox, count: int) -> None:
    until = time.monotonic() + 30
    while len(sandbox.ledger()) < count:
        assert time.monotonic() < until, "nothing is sent"
        time.sleep(0.1)


def test_a_lost_server_comes_back_from_its_backup(
    settings_for: Callable[..., Settings],
    other_database_url: str,
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    """The operator is told how many are uncertain before anything goes."""
    settings = settings_for()
    backup = str(tmp_path / "night.dump")
    contacts = [{"nome": f"P{at}", "telefone": f"119877{at:05d}"} for at in range(PEOPLE)]
    with sending_stack(settings, sandbox, tmp_path / "before") as old:
        created = old.campaign(contacts, systemPrompt="Oi {{nome}}", delayMin=0.3, delayMax=0.4)
        campaign = created["campaign"]["campaign_id"]
        wait_for(sandbox, 5)
        taken = rapidflow(old.environment, "backup", backup)
        assert taken.returncode == 0, taken.stderr
        wait_for(sandbox, len(sandbox.ledger()) + 4)
        for name in list(old.processes):
            old.kill(name)

    fresh = settings_for(database_url=other_database_url, environment=settings.environment)
    environment = {**old.environment, "DATABASE_URL": other_database_url}
    put_back = rapidflow(environment, "restore", backup)
    assert put_back.returncode == 0, put_back.stderr
    gone = len(numbers(sandbox))
    assert gone < PEOPLE
    (tmp_path / "after").mkdir()
    with running_stack(fresh, sandbox, tmp_path / "after") as new:
        refused = new.client.post(f"/api/campaigns/{campaign}/resume")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "campaign_restored")
        held = rapidflow(new.environment, "restore", "release", "--all", "--json")
        assert held.returncode == 1, held.stderr
        (told,) = json.loads(held.stdout)["held"]
        assert (told["campaign_id"], told["unproven"]) == (campaign, PEOPLE - gone)
        assert len(numbers(sandbox)) == gone
        order = ("restore", "release", "--all", "--send-unproven")
        released = rapidflow(new.environment, *order)
        assert released.returncode == 0, released.stderr
        metrics = new.wait_over(campaign)
    assert len(numbers(sandbox)) == PEOPLE
    assert metrics["sent_count"] == PEOPLE
