"""`make bench` in its short form: it still measures the product's own path."""

import json
import subprocess
import sys
from pathlib import Path


def test_a_short_run_measures_and_writes_its_figures(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--short", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (written,) = tmp_path.glob("*.json")
    (result,) = json.loads(written.read_text("utf-8"))
    assert result["per_second"]["median"] > 0
    assert 0 < result["of_bare"] < 2
