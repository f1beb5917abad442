"""Is the number connected? Webhooks overtake each other: a hint, after which Evolution is asked."""

import asyncio
from collections.abc import Sequence

from shared.db import circuits
from shared.db import connections as rows
from shared.db.connections import UncheckedInstance
from shared.db.pool import connection
from shared.errors import RapidFlowError
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.providers.evolution import EvolutionClient
from worker.deps import Deps

log = get_logger(__name__)

_AT_ONCE = 50
_ASK_AGAIN_SECONDS = 15.0


def refresh_connections(deps: Deps) -> int:
    """Ask about instances that may have changed; returns how many did."""
    with connection(deps.pool) as conn:
        asked = rows.claim_unchecked(conn, every_seconds=_ASK_AGAIN_SECONDS, limit=_AT_ONCE)
    if not asked:
        return 0
    states = asyncio.run(_ask_all(deps, asked))
    changed = 0
    for instance, state in zip(asked, states, strict=True):
        if state is None:
            if instance.rested:
                _rest(deps, instance, None)  # no message is spent on an Evolution that is away
        elif _note(deps, instance, state):
            changed += 1
            log.info("instance_state", instance=instance.name, state=state)
    return changed


def _note(deps: Deps, instance: UncheckedInstance, state: str) -> bool:
    """Record a state; a number that has closed rests, and probes before it sends again."""
    with connection(deps.pool) as conn:
        changed = rows.set_state(conn, instance.tenant_id, instance.instance_id, state)
    if changed and state == "close":
        _rest(deps, instance, "instance_offline")
    return changed


def _rest(deps: Deps, instance: UncheckedInstance, reason: str | None) -> None:
    """Open its breaker; no reason: it rests on for the one it had."""
    knobs = deps.settings.breaker
    with connection(deps.pool) as conn:
        opened = circuits.trip(
            conn,
            [instance.instance_id],
            reason=reason,
            rest_seconds=knobs.open_seconds,
            ceiling_seconds=knobs.ceiling_seconds,
        )
        told = circuits.tell(conn, opened)
    for circuit in opened:
        metrics.record_breaker(circuit.state)
        log.warning("breaker_opened", instance=circuit.name, reason=circuit.reason)
    deps.outlet.tell(told)


async def _ask_all(deps: Deps, asked: Sequence[UncheckedInstance]) -> list[str | None]:
    knobs = deps.settings
    async with EvolutionClient(knobs.evolution_api_url, knobs.delivery) as evolution:
        return await asyncio.gather(*(_ask(deps, evolution, instance) for instance in asked))


async def _ask(deps: Deps, evolution: EvolutionClient, instance: UncheckedInstance) -> str | None:
    try:
        return await evolution.connection_state(deps.credentials(instance))
    except RapidFlowError as exc:
        log.info("state_not_told", instance=instance.name, error=repr(exc))
        return None
