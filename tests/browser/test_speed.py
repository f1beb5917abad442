"""The page stays responsive while much happens.

A machine that does something else as well makes every task longer: the same piece of work is timed
in the same page, and a task may be that much longer than on an idle machine.
"""

from collections.abc import Callable
from typing import Any, Final

from playwright.sync_api import Page, expect

from tests.browser.console import Console
from tests.end_to_end.stack import Stack

LONGEST_MS: Final = 200
#: What `_WORK` takes where nothing else runs.
IDLE_MS: Final = 40

_WATCH: Final = """() => {
  window.longest = 0;
  new PerformanceObserver(list => {
    window.longest = Math.max(window.longest, ...list.getEntries().map(entry => entry.duration));
  }).observe({ type: 'longtask' });
}"""
_WORK: Final = """() => {
  const began = performance.now();
  let sum = 0;
  for (let at = 0; at < 2e7; at += 1) sum += Math.sqrt(at);
  return { took: performance.now() - began, sum };
}"""


def slowness(page: Page) -> float:
    """How many times longer than alone a piece of work takes here and now; 1 at least."""
    took = [page.evaluate(_WORK)["took"] for _ in range(5)]
    return max(1.0, sorted(took)[-2] / IDLE_MS)


def test_ten_thousand_contacts_and_fifty_events_a_second(
    console: Console, stack: Stack, contacts: Callable[..., list[dict[str, str]]]
) -> None:
    made: dict[str, Any] = stack.campaign(contacts(10_000, 1_000_000), delayMin=0.01, delayMax=0.02)
    reference = made["campaign"]["campaign_id"]
    console.open(f"/campanhas/{reference}")
    page = console.page
    expect(page.get_by_text("Ao vivo")).to_be_visible()
    console.shows("Enviadas", r"[1-9][\d.]*")
    slow = slowness(page)
    page.evaluate(_WATCH)
    before = stack.metrics(reference)["sent_count"]
    page.wait_for_timeout(10_000)  # how long the page is watched
    events = stack.metrics(reference)["sent_count"] - before
    longest = page.evaluate("() => window.longest")
    slow = max(slow, slowness(page))
    print(f"longest task {longest:.0f} ms, {events / 10:.0f} sends a second, {slow:.1f} x slower")  # noqa: T201  the figure a reader of the run wants
    stack.client.post(f"/api/campaigns/{reference}/cancel")
    assert events > 0
    assert longest <= LONGEST_MS * slow
