"""`make bench` in its short form: every scenario still runs and writes its figures."""

import json
import subprocess
import sys
from pathlib import Path

from bench.registry import SCENARIOS


def test_a_short_run_measures_every_group_and_writes_its_figures(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--short", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (written,) = tmp_path.glob("*.json")
    report = json.loads(written.read_text("utf-8"))
    assert report["machine"]["cores"] > 0
    assert set(report["results"]) == {scenario.group for scenario in SCENARIOS}
    for row in report["results"]["Send throughput"]:
        assert row["messages_per_second"]["median"] > 0
        assert 0 < row["of_bare_client"] < 2
