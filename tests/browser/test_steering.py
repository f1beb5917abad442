"""Everything a campaign can be told once it exists, by hand; every figure is the API's."""

import csv
import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
from playwright.sync_api import Download, expect

from tests.browser.console import Console, all_read
from tests.end_to_end.stack import Stack
from tests.sandbox_process import Sandbox

Contacts = Callable[..., list[dict[str, str]]]


def begin(stack: Stack, contacts: list[dict[str, str]], **config: Any) -> str:
    return str(stack.campaign(contacts, **config)["campaign"]["campaign_id"])


def detail(stack: Stack, reference: str) -> dict[str, Any]:
    return dict(stack.client.get(f"/api/campaigns/{reference}").json()["campaign"])


def test_failures_are_explained_and_sent_again(
    console: Console, stack: Stack, sandbox_process: Sandbox, contacts: Contacts
) -> None:
    people = contacts(4, 400)
    refused = f"55{people[1]['telefone']}"
    sandbox_process.faults({"match": {"number": refused}, "do": {"error": "not_on_whatsapp"}})
    page = console.page
    try:
        reference = begin(stack, people, delayMin=0, delayMax=0)
        metrics = all_read(stack, reference)
    finally:
        sandbox_process.faults()
    console.open(f"/campanhas/{reference}")
    console.shows_metrics(metrics)
    assert metrics["health"]["deductions"] == {"error_rate": 30, "success_rate": 10}
    expect(page.get_by_text("A saúde perdeu pontos: 30 porque 25% das tentativas")).to_be_visible()
    expect(page.get_by_text("Campanha concluída")).to_be_visible()
    expect(page.get_by_text("Sem pausa entre as mensagens.")).to_be_visible()
    console.shoot("live-failures")
    console.button("Tentar de novo estes").click()
    page.get_by_role("dialog").get_by_role("button", name="Tentar de novo", exact=True).click()
    console.shows("Falharam", "0")
    console.shows("Enviadas", "4")
    metrics = all_read(stack, reference)
    assert (metrics["sent_count"], metrics["error_count"]) == (4, 0)
    console.shows_metrics(metrics)
    expect(page.get_by_text("A saúde perdeu pontos")).to_have_count(0)


def test_a_campaign_is_cancelled(console: Console, stack: Stack, contacts: Contacts) -> None:
    reference = begin(stack, contacts(30, 500), delayMin=1, delayMax=2)
    console.open(f"/campanhas/{reference}")
    console.shows("Enviadas", r"[1-9]\d*")
    console.button("Cancelar").click()
    console.page.get_by_role("dialog").get_by_role("button", name="Cancelar a campanha").click()
    expect(console.page.get_by_text("Cancelada", exact=True).first).to_be_visible()
    metrics = all_read(stack, reference)
    assert metrics["sent_count"] + metrics["cancelled_count"] == 30
    console.shows_metrics(metrics)
    console.shows("Canceladas", str(metrics["cancelled_count"]))


def test_pace_and_priority_are_changed(console: Console, stack: Stack, contacts: Contacts) -> None:
    reference = begin(stack, contacts(20, 600), delayMin=300, delayMax=600)
    console.open(f"/campanhas/{reference}")
    page = console.page
    expect(page.get_by_text("De 300 a 600\u00a0s entre duas mensagens.")).to_be_visible()
    console.button("Ritmo").click()
    dialog = page.get_by_role("dialog", name="Ritmo e prioridade")
    dialog.get_by_label("Intervalo mínimo").fill("9")
    dialog.get_by_label("Intervalo máximo").fill("1")
    dialog.get_by_role("button", name="Salvar o ritmo").click()
    expect(dialog.locator("[aria-invalid=true]").first).to_be_visible()
    dialog.get_by_label("Intervalo mínimo").fill("0,5")
    dialog.get_by_label("Prioridade").click()
    page.get_by_role("option", name="Alta").click()
    dialog.get_by_role("button", name="Salvar o ritmo").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("De 0,5 a 1\u00a0s entre duas mensagens.")).to_be_visible()
    changed = detail(stack, reference)
    assert (changed["config"]["delayMin"], changed["config"]["delayMax"]) == (0.5, 1)
    assert changed["priority"] == 50
    console.shows("Enviadas", "20", seconds=90)
    console.shows_metrics(all_read(stack, reference))


def test_several_campaigns_are_paused_put_first_and_resumed_at_once(
    console: Console, stack: Stack, contacts: Contacts
) -> None:
    slow = {"delayMin": 100, "delayMax": 200}
    names = [f"Muitas de uma vez {at}" for at in range(2)]
    made = []
    for at, name in enumerate(names):
        body = {"name": name, "contacts": contacts(3, 700 + 10 * at), "config": slow}
        made.append(stack.client.post("/api/campaigns", json=body).json()["campaign"])
    console.open("/campanhas")
    page = console.page
    page.get_by_label("Procurar pelo nome ou código").fill("Muitas de uma vez")
    for name in names:
        page.get_by_role("checkbox", name=f"Escolher {name}").check()

    def states() -> list[tuple[str, int]]:
        found = [detail(stack, campaign["campaign_id"]) for campaign in made]
        return [(campaign["status"], campaign["priority"]) for campaign in found]

    def bulk(action: str) -> None:
        console.button(action).click()
        expect(page.get_by_role("region", name="Ações para as campanhas")).to_have_count(0)
        expect(page.get_by_text("2 campanhas alteradas.").last).to_be_visible()
        for name in names:
            page.get_by_role("checkbox", name=f"Escolher {name}").check()

    bulk("Pausar (2)")
    assert [state for state, _ in states()] == ["paused", "paused"]
    table = page.get_by_role("table", name="Campanhas")
    expect(table.get_by_text("Pausada", exact=True)).to_have_count(2)
    console.button("Prioridade").click()
    page.get_by_role("menuitem", name="Alta").click()
    expect(page.get_by_role("region", name="Ações para as campanhas")).to_have_count(0)
    expect(table.get_by_text("prioridade alta")).to_have_count(2)
    assert [priority for _, priority in states()] == [50, 50]
    for name in names:
        page.get_by_role("checkbox", name=f"Escolher {name}").check()
    console.shoot("campaigns-chosen")
    bulk("Retomar (2)")
    assert all(state in {"running", "pending"} for state, _ in states())
    for campaign in made:
        stack.client.post(f"/api/campaigns/{campaign['campaign_id']}/cancel")


def test_the_report_is_exported_and_printed(
    console: Console, stack: Stack, contacts: Contacts, tmp_path: Path
) -> None:
    people = [*contacts(3, 800), {"nome": "Sem número", "telefone": "123"}]
    reference = begin(stack, people, delayMin=0, delayMax=0)
    metrics = all_read(stack, reference)
    console.open(f"/campanhas/{reference}")

    def exported(kind: str) -> Download:
        console.button("Exportar").click()
        with console.page.expect_download() as download:
            console.page.get_by_role("menuitem", name=kind).click()
        return download.value

    text = exported("CSV").path().read_text("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert sum("Pessoa 80" in line for row in lines for line in row) == metrics["sent_count"]
    assert sum("Sem número" in line for row in lines for line in row) == 1
    saved = exported("Excel (XLSX)")
    assert saved.suggested_filename.endswith(".xlsx")
    saved.save_as(tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx", read_only=True)
    rows = [row for sheet in book for row in sheet.iter_rows(values_only=True)]
    book.close()
    named = [cell for row in rows for cell in row if str(cell).startswith("Pessoa 80")]
    assert len(named) == metrics["sent_count"]
    console.button("Exportar").click()
    console.page.get_by_role("menuitem", name="Relatório para imprimir").click()
    row = console.page.get_by_role("row").filter(has_text="Lidas")
    expect(row).to_contain_text(re.compile(rf"Lidas\s*{metrics['read_count']}\s*75%"))


def test_a_test_goes_to_oneself_and_the_campaign_is_scheduled(
    console: Console, stack: Stack, sandbox_process: Sandbox
) -> None:
    console.open("/campanhas/nova")
    page = console.page
    page.get_by_text("Colar", exact=True).click()
    page.get_by_label("Contatos", exact=True).fill(
        "nome;telefone\nAna;11978880001\nBia;11978880002"
    )
    console.button("Usar estes contatos").click()
    console.button("Escrever a mensagem").click()
    page.get_by_label("Texto", exact=True).fill("Oi {{nome}}, é um teste agendado")
    console.button("Enviar teste").click()
    expect(page.get_by_text("Escreva o seu número.")).to_be_visible()
    page.get_by_label("Meu WhatsApp, com DDD").fill("(11) 97888-9999")
    console.button("Enviar teste").click()
    expect(page.get_by_text("Enviado: confira no seu WhatsApp.")).to_be_visible()
    tests = [str(entry) for entry in sandbox_process.ledger() if "agendado" in str(entry)]
    assert len(tests) == 1
    assert "978889999" in tests[0]
    assert "Oi Ana, é um teste agendado" in tests[0]
    console.shoot("new-campaign-test-sent")
    console.button("Escolher o ritmo").click()
    page.get_by_role("radio", name="Em uma data e hora").check()
    console.button("Conferir tudo").click()
    expect(page.get_by_text("Escolha a data e a hora.")).to_be_visible()
    day = datetime.now(ZoneInfo("America/Sao_Paulo")) + timedelta(days=40)
    page.get_by_label("Data e hora", exact=True).fill(f"{day.year + 2}-05-06T07:08")
    console.button("Conferir tudo").click()
    expect(page.get_by_text("Escolha uma data até daqui a um ano.")).to_be_visible()
    page.get_by_label("Data e hora", exact=True).fill(f"{day:%Y-%m-%d}T07:08")
    console.button("Conferir tudo").click()
    page.get_by_label("Nome da campanha").fill("Agendada")
    console.button("Agendar para 2 pessoas").click()
    expect(page).to_have_url(re.compile("/campanhas/CAMP-"))
    expect(page.get_by_text("Agendada", exact=True).first).to_be_visible()
    expect(page.get_by_text(f"{day:%d/%m/%Y}, 07:08")).to_be_visible()
    reference = page.url.rsplit("/", 1)[-1]
    planned = detail(stack, reference)
    assert (planned["status"], planned["scheduled_at"]) == (
        "scheduled",
        f"{day:%Y-%m-%d}T10:08:00.000Z",
    )
    assert stack.client.post(f"/api/campaigns/{reference}/cancel").status_code == 200
