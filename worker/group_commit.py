"""Many callers, one statement: whatever is asked for while a statement runs shares the next one.

Under little load each item goes at once and alone; under much load batches grow by themselves, so
the cost of a commit is shared without making anyone wait for a timer.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Runs `commit(items)` in `executor`, one batch at a time; answers each caller with its own.

    `commit` returns one result per item, in order. What it raises reaches all callers of the batch.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Sequence[Result]],
        executor: Executor,
        *,
        limit: int = 500,
    ) -> None:
        self._commit = commit
        self._executor = executor
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._running: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """Have `item` committed; returns when it is durable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if self._running is None:
            self._running = loop.create_task(self._run())
        return await future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                items = [item for item, _ in batch]
                try:
                    results = await loop.run_in_executor(self._executor, self._commit, items)
                except Exception as exc:
                    _answer_all(batch, exc)
                else:
                    for (_, future), result in zip(batch, results, strict=True):
                        if not future.done():
                            future.set_result(result)
        finally:
            self._running = None


def _answer_all(
    batch: Sequence[tuple[Item, "asyncio.Future[Result]"]], error: BaseException
) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
