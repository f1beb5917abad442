"""The queue: broker, routes, timetable. Settings from `shared.settings`, names from `shared.queue`.

PostgreSQL is the truth and the broker a doorbell: no result backend, no ETA, JSON only. A task that
is delivered twice finds its lease gone and does nothing.
"""

from celery import Celery
from kombu.entity import Queue as KombuQueue

from shared.queue.names import QUEUE_OF, Queue, TaskName
from shared.queue.transport import use_surviving_transport
from shared.settings import Settings


def make_celery(settings: Settings) -> Celery:
    """The Celery app of this process; it opens nothing until it is used."""
    use_surviving_transport()
    app = Celery("rapidflow", broker=settings.redis_url.get_secret_value())
    prefix = settings.environment
    app.conf.update(
        result_backend=None,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue=Queue.CONTROL.value,
        task_create_missing_queues=False,
        task_queues=[KombuQueue(queue.value) for queue in Queue],  # type: ignore[no-untyped-call]
        task_routes={task.value: {"queue": queue.value} for task, queue in QUEUE_OF.items()},
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A broker that refuses writes (memory or disk full) ends no worker: it tries again.
        broker_channel_error_retry=True,
        # A publish is a hint: two quick tries, then the next tick makes up for it.
        task_publish_retry_policy={
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.2,
            "interval_max": 0.2,
        },
        broker_transport_options={
            "visibility_timeout": 300,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "health_check_interval": 15,
            "queue_order_strategy": "round_robin",
            "global_keyprefix": f"{prefix}:queue:",
        },
        beat_scheduler="celery.beat:Scheduler",  # keeps no file: each tick looks at what is due
        beat_max_loop_interval=1,
        beat_schedule={
            "tick": {
                "task": TaskName.TICK.value,
                "schedule": settings.dispatch.tick_seconds,
                "args": [{"v": 1}],
                "options": {"expires": 30},  # wall clocks of two machines may differ by seconds
            }
        },
        timezone="UTC",
    )
    return app
