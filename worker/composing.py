"""Composing: the texts a language model writes, a little ahead of what their campaigns can send.

A lease is taken and committed, the model is asked without a connection, and what came of it is
stored by one guarded statement. Whoever dies in between leaves a lease that lapses; after a few
writers the template goes.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence

from shared.db import texts
from shared.db.pool import connection
from shared.db.texts import BY_MODEL, SettledText, WaitingText
from shared.errors import TemporarilyUnavailable
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.providers.text_writer import TextWriter, WrittenText, template_goes
from shared.settings import ModelSettings
from worker.deps import Deps

log = get_logger(__name__)


class Composer:
    """One round of writing at a time per process, beside the tick; any number of processes."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._stopping = threading.Event()

    def look(self, deps: Deps) -> None:
        """Begin a round where texts are wanted; returns at once, whatever the model does."""
        if self._stopping.is_set() or not self._busy.acquire(blocking=False):
            return
        began = False
        try:
            claimed = claim(deps)
            if claimed:
                thread = threading.Thread(
                    target=self._round, args=(deps, claimed), name="composer", daemon=True
                )
                thread.start()
                began = True
        finally:
            if not began:
                self._busy.release()

    def close(self, seconds: float) -> None:
        """Begin nothing more and wait for the round in hand."""
        self._stopping.set()
        if self._busy.acquire(timeout=seconds):
            self._busy.release()

    def _round(self, deps: Deps, claimed: list[WaitingText]) -> None:
        try:
            compose(deps, claimed, until=self._stopping.is_set)
        except TemporarilyUnavailable as exc:
            log.warning("composing_put_off", error=exc.code)
        except Exception:
            log.exception("composing_failed")
        finally:
            self._busy.release()


def claim(deps: Deps) -> list[WaitingText]:
    """Lease what is wanted next; empty where no campaign waits for texts."""
    knobs = deps.settings.model
    with connection(deps.pool) as conn:
        return texts.claim(
            conn,
            limit=knobs.concurrency,
            ahead_seconds=knobs.ahead_seconds,
            lease_seconds=knobs.lease_seconds,
        )


def compose(
    deps: Deps, claimed: list[WaitingText], *, until: Callable[[], bool] = lambda: False
) -> int:
    """Write and store `claimed`, then what is wanted next, `until` says stop; how many were stored.

    Raises:
        TemporarilyUnavailable: the database is away; leases lapse.
    """
    if not claimed:
        return 0
    stored = 0
    with asyncio.Runner() as runner:
        writer = runner.run(_open(deps))
        try:
            while claimed:
                settled = runner.run(_write(deps.settings.model, writer, claimed))
                with connection(deps.pool) as conn:
                    stored += texts.settle(conn, settled)
                _tell(settled)
                claimed = [] if until() else claim(deps)
        finally:
            if writer is not None:
                runner.run(writer.close())
    return stored


async def _open(deps: Deps) -> TextWriter | None:
    return TextWriter.of(deps.settings)


async def _write(
    knobs: ModelSettings, writer: TextWriter | None, claimed: Sequence[WaitingText]
) -> list[SettledText]:
    """All at once: `claimed` is never more than the calls a process may have open."""
    written = await asyncio.gather(*(_write_one(knobs, writer, text) for text in claimed))
    return [
        SettledText(text, one.body, one.reason or BY_MODEL, one.tokens)
        for text, one in zip(claimed, written, strict=True)
    ]


async def _write_one(
    knobs: ModelSettings, writer: TextWriter | None, text: WaitingText
) -> WrittenText:
    if writer is None:
        return template_goes("model_not_configured")
    if text.model not in knobs.allowed:
        return template_goes("model_not_allowed")
    if text.tries > knobs.tries:
        return template_goes("writing_interrupted")
    if text.tokens_spent >= knobs.campaign_tokens:
        return template_goes("budget_spent")
    variables = {"nome": text.name, "telefone": text.phone, **text.variables}
    return await writer.write(text.model, text.template, variables)


def _tell(settled: Sequence[SettledText]) -> None:
    """Numbers only: a prompt or a text never reaches a log."""
    outcomes: dict[str, int] = {}
    for one in settled:
        outcomes[one.outcome] = outcomes.get(one.outcome, 0) + 1
    for outcome, count in outcomes.items():
        metrics.record_texts(outcome, count)
    metrics.record_text_tokens(sum(one.tokens for one in settled))
    given_up = {outcome: count for outcome, count in outcomes.items() if outcome != BY_MODEL}
    if given_up:
        log.warning("templates_went", outcomes=given_up, texts=len(settled))
