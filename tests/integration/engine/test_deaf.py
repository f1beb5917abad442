"""A worker whose ears are gone ends itself, so that whoever supervises it starts it again."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from celery_config import make_celery
from deploy.bootstrap import bootstrap
from shared.queue.names import Queue, TaskName
from shared.settings import Settings
from tests.end_to_end.stack import environment_of
from tests.sandbox_process import Sandbox


def test_a_worker_that_consumes_no_more_ends_itself_and_an_idle_one_does_not(
    settings_for: Callable[..., Settings], sandbox: Sandbox, tmp_path: Path
) -> None:
    settings = settings_for()
    environment = {
        **environment_of(settings, sandbox, 1),
        "RAPIDFLOW_SWEEP__DEAF_SECONDS": "3",
    }
    bootstrap(environment)
    log = tmp_path / "worker.log"
    with log.open("wb") as out:
        worker = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "worker"], env=environment, stdout=out, stderr=out
        )
    try:
        celery = make_celery(settings)
        until = time.monotonic() + 30
        while not (answers := celery.control.ping(timeout=1)):
            assert time.monotonic() < until, log.read_text()
        (name,) = answers[0]
        time.sleep(8)  # well past the three seconds, with an empty queue
        assert worker.poll() is None, log.read_text()
        celery.control.cancel_consumer(Queue.SEND.value, reply=True, destination=[name])
        celery.send_task(TaskName.SEND.value, args=[{"v": 1}])
        assert worker.wait(timeout=40) is not None
        assert "deaf_process_ends" in log.read_text()
        celery.close()
    finally:
        worker.kill()
        worker.wait(timeout=10)
