"""A worker whose ears are gone ends itself, so that whoever supervises it starts it again."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from celery_config import make_celery
from deploy.bootstrap import bootstrap
from shared.db import dispatch as rows
from shared.db.pool import connection
from shared.queue.names import Queue, TaskName
from shared.settings import Settings
from tests.end_to_end.stack import environment_of
from tests.factories import Factory
from tests.integration.engine.conftest import Engine
from tests.sandbox_process import Sandbox
from worker.deps import open_deps
from worker.dispatching import dispatch
from worker.sweeping import sweep
from worker.watchdog import DEAF


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
        assert worker.wait(timeout=40) == DEAF
        assert '"reason":"deaf"' in log.read_text()
        celery.close()
    finally:
        worker.kill()
        worker.wait(timeout=10)


def test_a_worker_that_listens_in_the_wrong_place_ends_itself(
    settings_for: Callable[..., Settings], sandbox: Sandbox, tmp_path: Path
) -> None:
    settings = settings_for(delivery={"lease_seconds": 8})
    factory = Factory(settings)
    tenant = factory.tenant()
    campaign = factory.campaign(tenant, [factory.instance(tenant)], contacts=2)
    environment = {
        **environment_of(settings, sandbox, 1),
        "RAPIDFLOW_ENVIRONMENT": "somewhere-else",
        "RAPIDFLOW_DELIVERY__LEASE_SECONDS": "8",
        "RAPIDFLOW_SWEEP__DEAF_SECONDS": "3",
    }
    bootstrap(environment)
    log = tmp_path / "worker.log"
    deps = open_deps(settings, name="test")
    with log.open("wb") as out:
        worker = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "worker"], env=environment, stdout=out, stderr=out
        )
    try:
        until = time.monotonic() + 60
        while worker.poll() is None:
            assert time.monotonic() < until, log.read_text()
            sweep(deps)
            dispatch(deps, lambda _: None)  # into the queue that nobody hears
            time.sleep(0.5)
        assert worker.returncode == DEAF
        assert '"reason":"untaken"' in log.read_text()
        assert factory.recount(campaign).total == 2
        assert sandbox.ledger() == []
    finally:
        worker.kill()
        worker.wait(timeout=10)
        deps.close()


def test_a_deaf_worker_finishes_what_is_in_flight(
    settings_for: Callable[..., Settings], sandbox: Sandbox, tmp_path: Path
) -> None:
    settings = settings_for()
    factory = Factory(settings)
    tenant = factory.tenant()
    instance = factory.instance(tenant)
    sandbox.create_instance(instance.name)
    sandbox.tune(latency_ms=9000)
    campaign = factory.campaign(tenant, [instance], contacts=1)
    environment = {
        **environment_of(settings, sandbox, 1),
        "RAPIDFLOW_DELIVERY__CALL_DEADLINE_SECONDS": "30",
        "RAPIDFLOW_SWEEP__DEAF_SECONDS": "3",
    }
    bootstrap(environment)
    log = tmp_path / "worker.log"
    celery = make_celery(settings)
    deps = open_deps(settings, name="test")
    with log.open("wb") as out:
        worker = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "worker"], env=environment, stdout=out, stderr=out
        )
    try:
        until = time.monotonic() + 30
        while not (answers := celery.control.ping(timeout=1)):
            assert time.monotonic() < until, log.read_text()
        (name,) = answers[0]
        dispatch(
            deps,
            lambda batches: [
                celery.send_task(TaskName.SEND.value, args=[batch.model_dump(mode="json")])
                for batch in batches
            ],
        )
        while factory.recount(campaign).sending != 1:
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        celery.control.cancel_consumer(Queue.SEND.value, reply=True, destination=[name])
        celery.send_task(TaskName.SEND.value, args=[{"v": 1}])
        assert worker.wait(timeout=40) == DEAF
        assert factory.recount(campaign).sent == len(sandbox.ledger(instance.name)) == 1
    finally:
        worker.kill()
        worker.wait(timeout=10)
        celery.close()
        deps.close()


def test_a_batch_counts_as_untaken_until_a_worker_has_it(engine: Engine, factory: Factory) -> None:
    tenant = factory.tenant()
    campaign = factory.campaign(tenant, [factory.instance(tenant)], contacts=1)

    def untaken(seconds: float = 0) -> bool:
        with connection(engine.deps.pool) as conn:
            return rows.is_untaken(conn, for_seconds=seconds)

    assert not untaken()
    engine.dispatch()
    assert untaken()
    assert not untaken(3600)
    with connection(engine.deps.pool) as conn:
        (batch,) = engine.batches
        rows.load_lanes(conn, batch.lanes, batch.lease_id)
    assert not untaken()
    engine.batches.clear()
    with factory.connect() as conn:
        conn.execute("UPDATE lanes SET loaded_at = NULL, lease_until = now() - interval '1 s'")
    assert not untaken()  # lapsed: dispatch gives it out anew
    assert factory.recount(campaign).leased == 1
