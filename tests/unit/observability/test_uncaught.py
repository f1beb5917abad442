"""What nobody caught is logged, wherever it happened: each case in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_PRELUDE = """
from pathlib import Path
from types import SimpleNamespace
from shared.observability.logging import configure_logging
from shared.settings import SlowSettings
configure_logging(
    SimpleNamespace(log_dir=Path({folder!r}), log_level="INFO", slow=SlowSettings()), "test"
)
def fail():
    raise RuntimeError("nobody caught this")
"""
_CASES = {
    "main thread": "fail()",
    "thread": """
import threading
thread = threading.Thread(target=fail)
thread.start()
thread.join()
""",
    "event loop": """
import asyncio
from shared.observability.uncaught import watch_loop
async def main():
    watch_loop(asyncio.get_running_loop())
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0.01)
asyncio.run(main())
""",
    "forgotten task": """
import asyncio, gc
from shared.observability.uncaught import watch_loop
async def failing():
    fail()
async def main():
    watch_loop(asyncio.get_running_loop())
    task = asyncio.create_task(failing())
    await asyncio.sleep(0.01)
    del task
    gc.collect()
asyncio.run(main())
""",
    "loop nobody watches": """
import asyncio
async def main():
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0.01)
asyncio.run(main())
""",
    "greenlet": """
import gevent
from shared.observability.uncaught import watch_greenlets
watch_greenlets()
gevent.spawn(fail).join()
""",
    "celery task": """
from celery import Celery
app = Celery("x", broker="memory://")
app.conf.worker_hijack_root_logger = False
@app.task(name="failing")
def failing():
    fail()
from celery.app.trace import build_tracer
build_tracer("failing", failing, app=app)("id-1", (), {}, {"id": "id-1"})
""",
    "web request": """
from flask import Flask
from api.errors import register_errors
app = Flask("x")
register_errors(app)
app.add_url_rule("/", view_func=fail)
assert app.test_client().get("/").status_code == 500
""",
}


@pytest.mark.parametrize("where", _CASES)
def test_it_stands_in_the_error_file(where: str, tmp_path: Path) -> None:
    script = _PRELUDE.format(folder=str(tmp_path)) + _CASES[where]
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    lines: list[dict[str, Any]] = [
        json.loads(line)
        for path in tmp_path.glob("*-error.log")
        for line in path.read_text("utf-8").splitlines()
    ]
    assert lines, done.stderr
    assert "RuntimeError: nobody caught this" in lines[0]["exception"]
    assert done.stdout == ""
    for line in done.stderr.splitlines():
        json.loads(line)  # no bare traceback beside it
