"""From the sign-in to a finished campaign, as somebody does it who has never seen the console."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.console import Console
from tests.end_to_end.stack import Stack


def test_signing_in_importing_a_dirty_list_and_watching_it_to_its_end(
    visit: Callable[..., Console], stack: Stack, dirty_file: Path, tmp_path: Path
) -> None:
    console = visit(None)
    page = console.page
    page.goto(console.base)
    expect(console.button("Entrar")).to_be_visible()
    console.shoot("sign-in")
    console.sign_in()
    page.get_by_role("link", name="Nova campanha").first.click()

    page.get_by_label("Escolher arquivo").set_input_files(dirty_file)
    expect(page.get_by_text("Vão receber").first).to_be_visible()
    panel = page.get_by_role("status").filter(has_text="Vão receber").first
    expect(panel).to_contain_text("16")
    expect(panel).to_contain_text("de 20 na lista")
    expect(page.get_by_text("Linha 20:").or_(page.get_by_text("Linha 19:")).first).to_be_visible()
    console.shoot("new-campaign-contacts")
    console.button("Escrever a mensagem").click()
    page.get_by_label("Texto", exact=True).fill("Olá {{nome}}, de {{cidade}}! 🎉")
    expect(page.get_by_text(re.compile(r"Olá Cliente \d+, de Santos! 🎉")).first).to_be_visible()
    console.shoot("new-campaign-message")
    console.button("Escolher o ritmo").click()
    page.get_by_role("radio", name=re.compile("^Outro")).check()
    page.get_by_label("No mínimo").fill("0")
    page.get_by_label("No máximo").fill("1")
    console.shoot("new-campaign-pace")
    console.button("Conferir tudo").click()
    page.get_by_label("Nome da campanha").fill("Primeiro dia")
    console.shoot("new-campaign-confirm")
    console.button("Enviar para 16 pessoas").click()

    expect(page).to_have_url(re.compile("/campanhas/CAMP-"))
    reference = page.url.rsplit("/", 1)[-1]
    expect(page.get_by_role("heading", level=1)).to_have_text("Primeiro dia")
    expect(page.get_by_text("Concluída", exact=True).first).to_be_visible(timeout=90_000)
    metrics = stack.wait_over(reference)
    assert (metrics["sent_count"], metrics["skipped_count"]) == (16, 4)
    _wait_read(stack, reference, 16)
    console.shows_metrics(stack.metrics(reference))

    console.button("Exportar").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="JSON").click()
    saved = tmp_path / "report.json"
    download.value.save_as(saved)
    report = json.loads(saved.read_text("utf-8"))["report"]
    states = [message["status"] for message in report["messages"]]
    assert states.count("skipped") == 4
    assert len(states) == 20
    assert console.complaints == []


def _wait_read(stack: Stack, reference: str, count: int) -> None:
    """Receipts come after the end; the sandbox reads everything."""
    import time

    until = time.monotonic() + 30
    while stack.metrics(reference)["read_count"] < count:
        assert time.monotonic() < until, stack.metrics(reference)
        time.sleep(0.2)
