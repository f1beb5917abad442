"""Lines in files: one JSON object each, in the file of their level and campaign."""

import contextlib
import json
import logging
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog

from shared.observability import logging as ours
from shared.observability.sinks import AppendFile
from shared.settings import Settings, SlowSettings


@pytest.fixture
def log_dir(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    for name in getattr(request, "param", ()):
        monkeypatch.setenv(name, "1")
    root = logging.getLogger()
    kept = root.handlers, root.level, sys.excepthook, threading.excepthook, logging.raiseExceptions
    settings = cast(
        "Settings",
        SimpleNamespace(log_dir=tmp_path / "logs", log_level="DEBUG", slow=SlowSettings()),
    )
    ours.configure_logging(settings, "test")
    yield tmp_path / "logs"
    ours._output.files = None
    ours._configure_structlog(logging.WARNING)
    ours.clear_log_context()
    logging.captureWarnings(False)
    root.handlers, sys.excepthook, threading.excepthook, logging.raiseExceptions = (
        kept[0], kept[2], kept[3], kept[4],
    )  # fmt: skip
    root.setLevel(kept[1])


def lines_of(folder: Path, level: str) -> list[dict[str, Any]]:
    path = folder / f"{datetime.now(UTC):%Y-%m-%d}-{level}.log"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_each_level_has_its_file(log_dir: Path) -> None:
    log = ours.get_logger("rooms")
    for level in ("debug", "info", "warning", "error"):
        getattr(log, level)("something_happened", level_given=level)
    for name, level in (
        ("debug", "debug"),
        ("info", "info"),
        ("warn", "warning"),
        ("error", "error"),
    ):
        (line,) = lines_of(log_dir, name)
        assert (line["event"], line["level"], line["logger"]) == (
            "something_happened",
            level,
            "rooms",
        )
        assert line["process"] == "test"


@pytest.mark.parametrize("log_dir", [["RAPIDFLOW_PACING__DELAY"]], indirect=True)
def test_a_variable_that_is_no_setting_is_told_at_the_start(log_dir: Path) -> None:
    (line,) = lines_of(log_dir, "warn")
    assert line["event"] == "setting_unknown"
    assert line["reason"] == "RAPIDFLOW_PACING__DELAY is no setting"


def test_a_line_about_several_campaigns_stands_in_the_file_of_each(log_dir: Path) -> None:
    ours.get_logger("rooms").warning("breaker_opened", campaign_ids=["CAMP-a", "CAMP-b", "x/../y"])
    assert sorted(path.name for path in (log_dir / "campaigns").iterdir()) == [
        "CAMP-a.log",
        "CAMP-b.log",
    ]


def test_a_terminal_gets_colours_and_a_pipe_gets_json(tmp_path: Path) -> None:
    script = (
        "from shared.observability.logging import get_logger\n"
        "get_logger('x').warning('something_happened', code='c')\n"
    )
    ours_, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", script], stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours_, 4096).decode()
    os.close(ours_)
    assert "\x1b[" in shown
    assert "something_happened" in shown
    piped = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert json.loads(piped.stderr)["code"] == "c"


@pytest.mark.parametrize(
    ("level", "files"),
    [("ERROR", {"error"}), ("WARN", {"error", "warn"}), ("INFO", {"error", "warn", "info"})],
)
def test_the_level_decides_what_is_written(log_dir: Path, level: str, files: set[str]) -> None:
    settings = SimpleNamespace(log_dir=log_dir, log_level=level, slow=SlowSettings())
    ours.configure_logging(cast("Settings", settings), "test")
    for name in ("debug", "info", "warning", "error"):
        getattr(ours.get_logger("rooms"), name)("something_happened")
        getattr(logging.getLogger("gunicorn.error"), name)("something happened")
    assert {path.stem.rpartition("-")[2] for path in log_dir.glob("*.log")} == files


def test_a_campaign_has_a_file_and_no_way_out_of_the_folder(log_dir: Path) -> None:
    log = ours.get_logger("rooms")
    log.info("message_settled", campaign_id="CAMP-abc_1")
    log.info("message_settled", campaign_id="CAMP-../../etc")
    log.info("message_settled", campaign_id=7)
    assert [path.name for path in (log_dir / "campaigns").iterdir()] == ["CAMP-abc_1.log"]
    assert len(lines_of(log_dir, "info")) == 3


def test_context_is_in_every_line_of_a_block(log_dir: Path) -> None:
    log = ours.get_logger("rooms")
    with ours.log_context(request_id="r-1"):
        log.info("inside")
        logging.getLogger("celery").info("a task of %s", "ours")
    log.info("outside")
    assert [line.get("request_id") for line in lines_of(log_dir, "info")] == ["r-1", "r-1", None]


def test_libraries_speak_through_us_and_are_cleaned(log_dir: Path) -> None:
    logging.getLogger("kombu").info("quiet")
    logging.getLogger("gunicorn.error").warning("sent to %s\nforged", "5511987654321")
    (line,) = lines_of(log_dir, "warn")
    assert line["event"] == "sent to ***\\nforged"
    assert not list(log_dir.glob("*info*"))


def test_exceptions_are_told_without_their_values(log_dir: Path) -> None:
    def fail() -> None:
        raise ValueError("bad row\nDETAIL:  Failing row contains (Maria, 5511987654321)")

    try:
        fail()
    except ValueError:
        ours.get_logger("rooms").exception("row_failed")
    (line,) = lines_of(log_dir, "error")
    assert "ValueError: bad row" in line["exception"]
    assert "test_logging.py" in line["exception"]
    assert "Maria" not in str(line)


def test_uncaught_exceptions_are_logged(log_dir: Path) -> None:
    def fail() -> None:
        raise RuntimeError("in a thread")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    lines = lines_of(log_dir, "error")
    assert ["in_thread" in line["event"] for line in lines] == [True, False]
    assert {line["level"] for line in lines} == {"critical"}


def test_many_writers_never_mix_lines(tmp_path: Path) -> None:
    path = tmp_path / "shared.log"
    line = b"x" * 999 + b"\n"

    def write(_: int) -> None:
        file = AppendFile(path)  # as another process would
        for _ in range(50):
            file.write(line)
        file.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert set(path.read_bytes().split(b"\n")) == {b"x" * 999, b""}


def test_a_full_disk_costs_lines_and_nothing_else(
    log_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = ours.get_logger("rooms")
    log.info("before")
    real = os.write

    def full(descriptor: int, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    log.info("lost")
    monkeypatch.setattr(os, "write", lambda fd, content: real(fd, content[:10]))
    log.info("cut")
    monkeypatch.setattr(os, "write", real)
    log.info("after")
    texts = next(log_dir.glob("*info*")).read_text().splitlines()
    whole = []
    for text in texts:
        with contextlib.suppress(ValueError):
            whole.append(json.loads(text)["event"])
    assert whole == ["before", "after"]


def test_what_cannot_be_rendered_does_not_raise(log_dir: Path) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    ours.get_logger("rooms").info("odd", thing=Broken(), big=2**80, surrogate="\ud800")
    ours.get_logger("rooms").info("fine")
    assert lines_of(log_dir, "info")[-1]["event"] == "fine"


def test_yesterdays_file_is_left_at_midnight(log_dir: Path) -> None:
    files = ours._output.files
    assert files is not None
    files.write({"level": "info", "timestamp": "2026-01-01T23:59:59.999Z"}, b"{}\n")
    files.write({"level": "info", "timestamp": "2026-01-02T00:00:00.000Z"}, b"{}\n")
    assert sorted(path.name for path in log_dir.glob("2026-01-*")) == [
        "2026-01-01-info.log",
        "2026-01-02-info.log",
    ]


def test_before_configuration_nothing_goes_to_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert structlog.is_configured()
    log = ours.get_logger("early")
    log.info("unseen")
    log.warning("seen")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert json.loads(printed.err)["event"] == "seen"
