"""The page stays responsive while much happens.

A machine that does something else as well makes every task longer: the same piece of work is timed
in the same page, and a task may be that much longer than on an idle machine.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from tests.browser.console import Console
from tests.end_to_end.stack import Stack

LONGEST_MS: Final = 200
PREVIEW_MS: Final = 2_000
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


_TIME_PREVIEW: Final = """() => {
  const input = document.querySelector('input[type=file]');
  input.addEventListener('change', () => { window.chosen = performance.now(); }, { capture: true });
  const look = () => {
    const rows = document.querySelector('[role=table] [role=row][aria-rowindex="2"]');
    if (rows !== null && document.body.innerText.includes('Vão receber')) {
      window.previewed = performance.now() - window.chosen;
    } else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
_ROWS: Final = [
    ("Nome", "Celular", "Cidade", "Cupom"),
    *((f"Cliente {at}", f"(11) 97{at:07d}", "Santos", f"CUPOM{at}") for at in range(10_000)),
]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_list_of_ten_thousand_is_previewed(console: Console, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"dez mil.{kind}"
    if kind == "csv":
        path.write_text("\n".join(";".join(row) for row in _ROWS), "utf-8")
    else:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet()
        for row in _ROWS:
            sheet.append(row)
        book.save(path)
    console.open("/campanhas/nova")
    console.settled()
    page = console.page
    slow = slowness(page)
    page.evaluate(_WATCH)
    page.evaluate(_TIME_PREVIEW)
    page.get_by_label("Escolher arquivo").set_input_files(path)
    page.wait_for_function("() => window.previewed !== undefined")
    took = page.evaluate("() => window.previewed")
    longest = page.evaluate("() => window.longest")
    slow = max(slow, slowness(page))
    print(f"{kind}: {took:.0f} ms, longest task {longest:.0f} ms, {slow:.1f} x slower")  # noqa: T201  the figures a reader of the run wants
    panel = page.get_by_role("status").filter(has_text="Vão receber").first
    expect(panel).to_contain_text("10.000")
    assert took <= PREVIEW_MS * slow
    assert longest <= LONGEST_MS * slow


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
    page.wait_for_timeout(7_000)  # how long the page is watched
    console.tile("Na fila").click()
    rows = page.get_by_role("dialog").get_by_role("rowgroup").last
    expect(rows.get_by_role("row").first).to_be_visible()
    rows.hover()
    for _ in range(30):
        page.mouse.wheel(0, 2_000)
        page.wait_for_timeout(100)  # as fast as a person scrolls
    events = stack.metrics(reference)["sent_count"] - before
    longest = page.evaluate("() => window.longest")
    slow = max(slow, slowness(page))
    print(f"longest task {longest:.0f} ms, {events} sends, {slow:.1f} x slower")  # noqa: T201  the figure a reader of the run wants
    stack.client.post(f"/api/campaigns/{reference}/cancel")
    assert events > 0
    assert longest <= LONGEST_MS * slow
