"""Three dashboards: what is sent, how the engine runs, what it runs on.

Numbers read from the database come from one control process at a time; `max` keeps them right while
another one takes over. Counters whose labels are not known beforehand have `or vector(0)`: nothing
has happened is a zero, not a gap.
"""

from typing import Final

from deploy.grafana.panels import Dashboard, Panel

_RATE: Final = "[$__rate_interval]"


def _rate(metric: str, by: str = "") -> str:
    group = f" by ({by})" if by else ""
    return f"sum{group} (rate({metric}{_RATE}))"


def _quantile(share: float, metric: str, by: str = "") -> str:
    group = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({group}) (rate({metric}_bucket{_RATE})))"


def _or_zero(query: str) -> str:
    return f"{query} or vector(0)"


def _stat(title: str, query: str, unit: str = "short", warn_at: float | None = None) -> Panel:
    return Panel(title, {"": query}, unit=unit, kind="stat", width=4, warn_at=warn_at)


_OURS: Final = '{job="rapidflow"}'
_REQUEST: Final = "rapidflow_http_request_seconds"
_ATTEMPTS: Final = "rapidflow_attempts_total"
_NUMBER: Final = "evolution_instance"
_SENT: Final = 'rapidflow_messages{status="sent"}'

BUSINESS: Final = Dashboard(
    "rapidflow-business",
    "RapidFlow: business",
    {
        "Today": [
            _stat(
                "Sent in 24 hours",
                f"max({_SENT}) - (max({_SENT} offset 1d) or vector(0))",
            ),
            _stat(
                "Sent per minute",
                'sum(rate(rapidflow_attempts_total{verdict="sent"}[5m])) * 60',
            ),
            _stat(
                "Calls that did not send",
                "rapidflow:attempts_not_sent:ratio5m",
                unit="percentunit",
                warn_at=0.2,
            ),
            _stat("Campaigns running", 'max(rapidflow_campaigns{status="running"})'),
            _stat("In doubt", 'max(rapidflow_messages{status="in_doubt"})', warn_at=20),
            _stat(
                "Numbers connected",
                "sum(max by (evolution_instance) (rapidflow_instance_connected))",
            ),
        ],
        "Messages": [
            Panel(
                "Calls to the provider by verdict",
                {"{{verdict}}": _rate(_ATTEMPTS, "verdict")},
                unit="ops",
                stacked=True,
            ),
            Panel(
                "Messages not yet settled",
                {
                    "{{status}}": "max by (status) (rapidflow_messages"
                    '{status=~"pending|leased|sending"})'
                },
                stacked=True,
            ),
            Panel(
                "Messages settled",
                {
                    "{{status}}": "max by (status) (rapidflow_messages"
                    '{status=~"sent|failed|in_doubt"})'
                },
            ),
        ],
        "Campaigns": [
            Panel(
                "Live campaigns",
                {"{{status}}": 'max by (status) (rapidflow_campaigns{status!="completed"})'},
                stacked=True,
            ),
            Panel(
                "Why campaigns wait",
                {"{{reason}}": _or_zero("max by (reason) (rapidflow_campaigns_waiting)")},
                stacked=True,
            ),
            Panel(
                "Campaigns that ended, per hour",
                {"{{status}}": "sum by (status) (increase(rapidflow_campaigns_ended_total[1h]))"},
            ),
        ],
        "What becomes of messages": [
            Panel(
                "Receipts",
                {"{{status}}": _rate("rapidflow_receipt_delay_seconds_count", "status")},
                "What WhatsApp reports, by status.",
                unit="ops",
            ),
            Panel(
                "From the send to the receipt (p50)",
                {"{{status}}": _quantile(0.5, "rapidflow_receipt_delay_seconds", "status")},
                unit="s",
            ),
            Panel(
                "Answers and opt-outs, per hour",
                {
                    "answers": "sum(increase(rapidflow_replies_total[1h]))",
                    "opt-outs": "sum(increase(rapidflow_opt_outs_total[1h]))",
                },
            ),
            Panel(
                "Doubts opened and settled, per hour",
                {
                    "opened": "sum(increase(rapidflow_doubts_opened_total[1h]))",
                    "{{outcome}}": _or_zero(
                        "sum by (outcome) (increase(rapidflow_doubts_settled_total[1h]))"
                    ),
                },
            ),
            Panel(
                "Texts by the language model",
                {
                    "{{outcome}}": _or_zero(_rate("rapidflow_model_texts_total", "outcome")),
                    "waiting": "max(rapidflow_texts_waiting)",
                },
            ),
            Panel(
                "Model tokens, per hour",
                {"tokens": "sum(increase(rapidflow_model_tokens_total[1h]))"},
            ),
        ],
    },
)

ENGINE: Final = Dashboard(
    "rapidflow-engine",
    "RapidFlow: engine",
    {
        "Is it keeping up": [
            _stat(
                "Oldest due message",
                "max(rapidflow_oldest_due_message_seconds)",
                unit="s",
                warn_at=60,
            ),
            _stat("Dispatch lag", "max(rapidflow_dispatch_lag_seconds)", unit="s", warn_at=30),
            _stat("Ticks per second", "sum(rate(rapidflow_ticks_total[1m]))", unit="ops"),
            _stat("Workers", 'sum(up{service="worker"})'),
            _stat(
                "Breakers open",
                "count(max by (evolution_instance) (rapidflow_breaker_state) == 2) or vector(0)",
                warn_at=1,
            ),
            _stat(
                "Ended by watchdogs, 24 hours",
                "sum(max by (reason) (increase(rapidflow_watchdog_ends_total[1d])))",
                warn_at=1,
            ),
        ],
        "Dispatch": [
            Panel(
                "Age of the oldest due message",
                {
                    "oldest": "max(rapidflow_oldest_due_message_seconds)",
                    "undispatched": "max(rapidflow_dispatch_lag_seconds)",
                },
                unit="s",
                warn_at=60,
            ),
            Panel(
                "Leases given and handed back",
                {
                    "given": _rate("rapidflow_leases_given_total"),
                    "{{reason}}": _or_zero(_rate("rapidflow_leases_returned_total", "reason")),
                },
                unit="ops",
            ),
            Panel(
                "Messages held",
                {
                    "{{status}}": 'max by (status) (rapidflow_messages{status=~"leased|sending"})',
                    "instances in a batch": "max(rapidflow_lanes_leased)",
                },
            ),
            Panel(
                "One dispatch run",
                {
                    "p50": _quantile(0.5, "rapidflow_dispatch_seconds"),
                    "p95": _quantile(0.95, "rapidflow_dispatch_seconds"),
                },
                unit="s",
            ),
            Panel(
                "Parts of a tick (p95)",
                {"{{job}}": _quantile(0.95, "rapidflow_job_seconds", "job")},
                unit="s",
            ),
            Panel(
                "Tasks in Redis that nobody has taken",
                {"{{queue}}": "max by (queue) (rapidflow_queue_tasks)"},
            ),
        ],
        "Provider": [
            Panel(
                "A call to Evolution",
                {
                    "p50": _quantile(0.5, "rapidflow_provider_call_seconds"),
                    "p95": _quantile(0.95, "rapidflow_provider_call_seconds"),
                    "p99": _quantile(0.99, "rapidflow_provider_call_seconds"),
                },
                unit="s",
                warn_at=15,
            ),
            Panel(
                "Busiest numbers",
                {f"{{{{{_NUMBER}}}}}": f"topk(10, {_rate(_ATTEMPTS, _NUMBER)})"},
                unit="ops",
            ),
            Panel(
                "Retries by cause",
                {"{{code}}": _or_zero(_rate("rapidflow_retries_total", "code"))},
                unit="ops",
            ),
            Panel(
                "Breakers",
                {"": "max by (evolution_instance) (rapidflow_breaker_state)"},
                "0 closed, 1 half-open, 2 open.",
                kind="table",
            ),
            Panel(
                "Breaker changes",
                {"{{state}}": _rate("rapidflow_breaker_changes_total", "state")},
                unit="ops",
            ),
            Panel(
                "Sends without a receipt after ten minutes",
                {"{{evolution_instance}}": f"max by ({_NUMBER}) (rapidflow_unconfirmed_sends)"},
            ),
        ],
        "Repairs": [
            Panel(
                "What dead processes left behind",
                {"{{kind}}": _rate("rapidflow_sweep_repairs_total", "kind")},
                unit="ops",
            ),
            Panel(
                "Webhooks settled",
                {"{{outcome}}": _rate("rapidflow_webhooks_total", "outcome")},
                unit="ops",
            ),
            Panel(
                "What waits beside messages",
                {
                    "event not told": "max(rapidflow_oldest_unpublished_event_seconds)",
                    "webhook not read": "max(rapidflow_oldest_unread_webhook_seconds)",
                },
                unit="s",
            ),
        ],
    },
)

INFRASTRUCTURE: Final = Dashboard(
    "rapidflow-infrastructure",
    "RapidFlow: infrastructure",
    {
        "Processes": [
            Panel(
                "Processes that answer", {"{{service}}": 'sum by (service) (up{job="rapidflow"})'}
            ),
            Panel(
                "Dependencies",
                {"{{dependency}}": "min by (dependency) (rapidflow_dependency_up)"},
                "1: answers control.",
            ),
            Panel(
                "Versions",
                {"": "count by (version, python, service) (rapidflow_build_info)"},
                kind="table",
            ),
            Panel(
                "CPU",
                {
                    "{{service}}": "sum by (service) "
                    '(rate(process_cpu_seconds_total{job="rapidflow"}[$__rate_interval]))'
                },
                "Cores in use.",
                stacked=True,
            ),
            Panel(
                "Memory of the largest process",
                {"{{service}}": f"max by (service) (process_resident_memory_bytes{_OURS})"},
                unit="bytes",
            ),
            Panel(
                "Open files",
                {"{{service}}": 'max by (service) (process_open_fds{job="rapidflow"})'},
            ),
        ],
        "HTTP": [
            Panel(
                "Requests by status",
                {"{{status}}": _rate("rapidflow_http_requests_total", "status")},
                unit="ops",
                stacked=True,
            ),
            Panel(
                "Slowest routes (p95)",
                {"{{route}}": f"topk(8, {_quantile(0.95, _REQUEST, 'route')})"},
                unit="s",
                warn_at=1,
            ),
            Panel(
                "Refused",
                {
                    "limit: {{limit}}": _or_zero(_rate("rapidflow_rate_limited_total", "limit")),
                    "load: {{kind}}": _or_zero(_rate("rapidflow_requests_shed_total", "kind")),
                },
                unit="ops",
            ),
        ],
        "Live events": [
            Panel("Open sockets", {"{{service}}": "sum by (service) (rapidflow_sockets_open)"}),
            Panel(
                "Sockets closed and refused",
                {
                    "closed: {{reason}}": _or_zero(
                        _rate("rapidflow_sockets_closed_total", "reason")
                    ),
                    "refused: {{reason}}": _or_zero(
                        _rate("rapidflow_sockets_refused_total", "reason")
                    ),
                },
                unit="ops",
            ),
            Panel(
                "Events",
                {
                    "published": _rate("rapidflow_events_published_total"),
                    "batches dropped": _rate("rapidflow_event_batches_dropped_total"),
                    "handed to sockets": _rate("rapidflow_socket_frames_total"),
                },
                unit="ops",
            ),
            Panel(
                "Gaps and losses of the feed",
                {
                    "gap {{outcome}}": _or_zero(_rate("rapidflow_event_gaps_total", "outcome")),
                    "Redis lost": _rate("rapidflow_feed_losses_total"),
                },
                unit="ops",
            ),
        ],
        "PostgreSQL and Redis": [
            Panel(
                "Connections of the pools in use",
                {
                    "{{service}}": "sum by (service) (rapidflow_pool_connections_busy)"
                    " / sum by (service) (rapidflow_pool_connections_limit)"
                },
                unit="percentunit",
                warn_at=0.9,
            ),
            Panel(
                "Waiting for a connection",
                {
                    "waiting": "sum(rapidflow_pool_requests_waiting)",
                    "refused": _or_zero(_rate("rapidflow_pool_refusals_total")),
                },
            ),
            Panel(
                "Connections of PostgreSQL",
                {
                    "in use": "max(rapidflow_postgresql_connections)",
                    "limit": "max(rapidflow_postgresql_connections_limit)",
                },
            ),
            Panel(
                "Size of the database",
                {"size": "max(rapidflow_postgresql_size_bytes)"},
                unit="bytes",
            ),
            Panel(
                "Memory of Redis",
                {
                    "used": "max(rapidflow_redis_memory_bytes)",
                    "limit": "max(rapidflow_redis_memory_limit_bytes)",
                },
                unit="bytes",
            ),
            Panel(
                "Tasks Redis did not take",
                {"{{task}}": _or_zero(_rate("rapidflow_doorbell_failures_total", "task"))},
                unit="ops",
            ),
        ],
    },
)

ALL: Final = (BUSINESS, ENGINE, INFRASTRUCTURE)
